//! Templates of sites.

use super::{PublishError, Publishing};
use crate::{
    article::{Admission, MOST_ARTICLES, OPEN_FOR_DAYS, Template, TemplateId},
    poll::{DigestKey, NewPoll, Partitions, PollFields, PollId, SiteId, Violation},
    secret::random_bytes,
    site::{EventType, NewEvent, Publisher},
    store::TemplatePut,
};

/// A template as a publisher asks for it.
pub struct NewTemplate {
    /// What its polls are like.
    pub poll: NewPoll,
    /// Default `announced`.
    pub admits: Option<Admission>,
    /// Default 90.
    pub open_for_days: Option<u64>,
    /// Default 10,000.
    pub most_articles: Option<u64>,
}

impl Publishing {
    /// Puts a template of a site that the publisher acts for. Returns whether it was made.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); [`Invalid`](PublishError::Invalid);
    /// [`TooManyTemplates`](PublishError::TooManyTemplates); what the store failed with.
    pub async fn put_template(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        id: TemplateId,
        mut new: NewTemplate,
    ) -> Result<(Template, bool), PublishError> {
        let of_site = self.site(publisher, site).await?;
        new.poll.fields.take_disclosure(of_site.settings.disclosure.as_ref());
        new.poll.fields.take_defaults(&of_site.settings.poll_defaults);
        let now = self.store.now().await?;
        let mut violations = unusual(&new.poll.fields);
        let within = |field: &str, value: Option<u64>, (default, most): (u32, u32)| match value {
            None => Ok(default),
            Some(value) => u32::try_from(value)
                .ok()
                .filter(|value| (1..=most).contains(value))
                .ok_or_else(|| Violation::new(field, format!("must be from 1 to {most}, is {value}"))),
        };
        let open_for_days = within("open_for_days", new.open_for_days, OPEN_FOR_DAYS);
        let most_articles = within("most_articles", new.most_articles, MOST_ARTICLES);
        violations.extend(open_for_days.as_ref().err().cloned());
        violations.extend(most_articles.as_ref().err().cloned());
        let (none, key) = (PollId::from_bytes([0; 16]), DigestKey::from_bytes(random_bytes()));
        let built = new.poll.build(none, site.clone(), Partitions::unplaced(1), key, now);
        if let Ok(pattern) = &built {
            let next = self.check_next(pattern).await?;
            violations.extend(next.map(|next| Violation { field: format!("poll.{}", next.field), ..next }));
        }
        let (Ok(pattern), Ok(open_for_days), Ok(most_articles), true) =
            (&built, open_for_days, most_articles, violations.is_empty())
        else {
            violations.extend(
                built
                    .err()
                    .into_iter()
                    .flatten()
                    .map(|violation| Violation { field: format!("poll.{}", violation.field), ..violation }),
            );
            return Err(PublishError::Invalid(violations));
        };
        let mut pattern = pattern.clone();
        if let Some(before) = self.store.template(site, &id).await? {
            pattern.created_at = before.pattern.created_at;
            pattern.digest_key = before.pattern.digest_key;
        }
        let admits = new.admits.unwrap_or(Admission::Announced);
        let template = Template { id, pattern, admits, open_for_days, most_articles };
        let event = NewEvent::of_template(EventType::TemplatePut, template.id.as_str(), &publisher.actor(), now);
        let put = self.store.put_template(&template, &[event]).await?;
        self.signal.note_change(site);
        match put {
            TemplatePut::Made => Ok((template, true)),
            TemplatePut::Replaced => Ok((template, false)),
            TemplatePut::NoSite => Err(PublishError::NoSite),
            TemplatePut::TooMany => Err(PublishError::TooManyTemplates),
        }
    }

    /// A template.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); [`NoTemplate`](PublishError::NoTemplate); what
    /// the store failed with.
    pub async fn template(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        id: &TemplateId,
    ) -> Result<Template, PublishError> {
        self.site(publisher, site).await?;
        self.store.template(site, id).await?.ok_or(PublishError::NoTemplate)
    }

    /// A site's templates, in the order of their ids.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); what the store failed with.
    pub async fn templates(&self, publisher: &Publisher, site: &SiteId) -> Result<Vec<Template>, PublishError> {
        self.site(publisher, site).await?;
        Ok(self.store.templates(site).await?)
    }

    /// Deletes a template with the polls of all articles.
    ///
    /// # Errors
    /// As [`template`](Self::template).
    pub async fn delete_template(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        id: &TemplateId,
    ) -> Result<(), PublishError> {
        self.site(publisher, site).await?;
        let now = self.store.now().await?;
        let event = NewEvent::of_template(EventType::TemplateDeleted, id.as_str(), &publisher.actor(), now);
        let was_there = self.store.delete_template(site, id, &[event]).await?;
        self.signal.note_change(site);
        if was_there { Ok(()) } else { Err(PublishError::NoTemplate) }
    }
}

/// What a poll may say of itself that a template can't say for all articles.
fn unusual(fields: &PollFields) -> Vec<Violation> {
    let of_one = [
        ("poll.opens_at", fields.opens_at.is_some()),
        ("poll.closes_at", fields.closes_at.is_some()),
        ("poll.article_url", fields.article_url.is_some()),
        ("poll.correct", fields.correct.is_some()),
        ("poll.explanation", fields.explanation.is_some()),
    ];
    let named = of_one.into_iter().filter(|(_, is_there)| *is_there);
    named.map(|(field, _)| Violation::new(field, "is of one article, and can't be said for all")).collect()
}
