//! Places. All of a site lie in its hash slot, so one step compares the revision and writes.

use async_trait::async_trait;
use redis::Cmd;

use super::{RedisStore, keys, script::Call};
use crate::{
    place::{MOST_PLACES, Place, PlaceId},
    poll::{Revision, SiteId},
    site::NewEvent,
    store::{PlacePut, Places, StoreError, record},
};

#[async_trait]
impl Places for RedisStore {
    async fn put_place(&self, place: &Place, event: &NewEvent) -> Result<PlacePut, StoreError> {
        let Place { site, id, revision: Revision(revision), .. } = place;
        let names = [keys::site(site), keys::places(site), keys::site_log(site)];
        let [before, own] = [revision.saturating_sub(1), *revision].map(|revision| revision.to_string());
        let (record, most) = (record::write(place)?, MOST_PLACES.to_string());
        let event = record::write_event(None, event)?;
        let call = Call::new(&self.scripts.put_place, &names.each_ref().map(String::as_bytes))
            .arg(id.as_str().as_bytes())
            .arg(before.as_bytes())
            .arg(own.as_bytes())
            .arg(record.as_bytes())
            .arg(most.as_bytes())
            .arg(event.as_bytes());
        let mut reply = call.send(&self.link).await?;
        match reply.int()? {
            1 => Ok(PlacePut::Done),
            0 => Ok(PlacePut::Mismatch(reply.number_if_there()?.map(Revision))),
            -2 => Ok(PlacePut::TooMany),
            _ => Ok(PlacePut::NoSite),
        }
    }

    async fn place(&self, site: &SiteId, id: &PlaceId) -> Result<Option<Place>, StoreError> {
        let kept: Option<Vec<u8>> =
            self.ask_for(Cmd::new().arg("HGET").arg(keys::places(site)).arg(id.as_str())).await?;
        kept.map(|kept| read(&kept)).transpose()
    }

    async fn places(&self, site: &SiteId) -> Result<Vec<Place>, StoreError> {
        let kept: Vec<Vec<u8>> = self.ask_for(Cmd::new().arg("HVALS").arg(keys::places(site))).await?;
        let mut places = kept.iter().map(|kept| read(kept)).collect::<Result<Vec<_>, _>>()?;
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

/// A record comes after its revision, by which the script compares.
fn read(kept: &[u8]) -> Result<Place, StoreError> {
    let record = kept.iter().position(|byte| *byte == b' ').and_then(|space| kept.get(space + 1..));
    record::read("a place", record.unwrap_or_default())
}
