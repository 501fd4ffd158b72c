//! Why a view was not counted, or a ranking not read.

use std::sync::Arc;

use crate::{article::AddressFault, live::NameRefusal, site::AddressRefusal, store::StoreError};

/// Why a use case of [`Viewing`](super::Viewing) refused.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// There is no such poll, or none that readers may know of.
    #[error("no poll has this id")]
    NoPoll,
    /// There is no such site.
    #[error("no site has this id")]
    NoSite,
    /// The address is not under any of the site's origins.
    #[error("must be under one of the site's origins")]
    NotOfSite,
    /// The address is none of an article; the text says what it must be.
    #[error(transparent)]
    Address(AddressFault),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] Arc<StoreError>),
}

impl From<StoreError> for ViewError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<NameRefusal> for ViewError {
    fn from(refusal: NameRefusal) -> Self {
        match refusal {
            NameRefusal::Address(AddressRefusal::Invalid(fault)) => Self::Address(fault),
            NameRefusal::Address(AddressRefusal::Foreign(_)) => Self::NotOfSite,
            NameRefusal::Store(error) => Self::Store(error),
        }
    }
}
