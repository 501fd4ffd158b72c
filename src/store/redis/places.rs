//! Places.

use async_trait::async_trait;
use redis::Cmd;

use super::{
    RedisStore, keys,
    records::{NewRecord, RecordPut, read_record},
    script::Call,
};
use crate::{
    place::{MOST_PLACES, Place, PlaceId},
    poll::SiteId,
    site::NewEvent,
    store::{PlacePut, Places, StoreError, record},
};

#[async_trait]
impl Places for RedisStore {
    async fn put_place(&self, place: &Place, event: &NewEvent) -> Result<PlacePut, StoreError> {
        let new = NewRecord {
            site: &place.site,
            among: keys::places(&place.site),
            id: place.id.as_str(),
            revision: place.revision,
            record: place,
            most: MOST_PLACES,
            event,
            cursor: None,
        };
        Ok(match self.put_record(&new).await? {
            RecordPut::Done => PlacePut::Done,
            RecordPut::Mismatch(in_force) => PlacePut::Mismatch(in_force),
            RecordPut::TooMany => PlacePut::TooMany,
            RecordPut::NoSite => PlacePut::NoSite,
        })
    }

    async fn place(&self, site: &SiteId, id: &PlaceId) -> Result<Option<Place>, StoreError> {
        let kept: Option<Vec<u8>> =
            self.ask_for(Cmd::new().arg("HGET").arg(keys::places(site)).arg(id.as_str())).await?;
        kept.map(|kept| read_record("a place", &kept)).transpose()
    }

    async fn places(&self, site: &SiteId) -> Result<Vec<Place>, StoreError> {
        let kept: Vec<Vec<u8>> = self.ask_for(Cmd::new().arg("HVALS").arg(keys::places(site))).await?;
        let mut places: Vec<Place> = kept.iter().map(|kept| read_record("a place", kept)).collect::<Result<_, _>>()?;
        places.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(places)
    }

    async fn delete_place(&self, site: &SiteId, id: &PlaceId, event: &NewEvent) -> Result<bool, StoreError> {
        let (places, log) = (keys::places(site), keys::site_log(site));
        let event = record::write_event(None, event)?;
        let call = Call::new(&self.scripts.delete_place, &[places.as_bytes(), log.as_bytes()]);
        let call = call.arg(id.as_str().as_bytes()).arg(event.as_bytes());
        Ok(call.send(&self.link).await?.int()? == 1)
    }
}
