//! Which revision a publisher edits.

use super::PublishError;
use crate::poll::Revision;

/// The revision a publisher expects to be in force: one of several, a certain one, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExpectedRevision {
    /// It is one of these (`If-Match`).
    pub any_of: Option<Vec<Revision>>,
    /// It is this.
    pub exactly: Option<Revision>,
}

impl ExpectedRevision {
    /// Checks that it is in force.
    ///
    /// # Errors
    /// [`PublishError::RevisionRequired`]; [`PublishError::RevisionMismatch`].
    pub fn check(&self, in_force: Revision) -> Result<(), PublishError> {
        if self.any_of.is_none() && self.exactly.is_none() {
            return Err(PublishError::RevisionRequired);
        }
        let agrees = self.any_of.as_ref().is_none_or(|named| named.contains(&in_force))
            && self.exactly.is_none_or(|named| named == in_force);
        if agrees { Ok(()) } else { Err(PublishError::RevisionMismatch(in_force)) }
    }

    /// Whether it names a revision before the one in force, and none after it.
    pub(super) fn is_of_before(&self, in_force: Revision) -> bool {
        let is_before = |named: &Revision| *named < in_force;
        (self.any_of.is_some() || self.exactly.is_some())
            && self.any_of.as_ref().is_none_or(|named| named.iter().any(is_before))
            && self.exactly.as_ref().is_none_or(is_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(any_of: Option<&[u64]>, exactly: Option<u64>) -> ExpectedRevision {
        let any_of = any_of.map(|revisions| revisions.iter().copied().map(Revision).collect());
        ExpectedRevision { any_of, exactly: exactly.map(Revision) }
    }

    #[test]
    fn an_edit_says_which_revision_it_edits() {
        let check = |expected: ExpectedRevision| expected.check(Revision(3));
        assert!(matches!(check(expected(None, None)), Err(PublishError::RevisionRequired)));
        for right in [expected(Some(&[3]), None), expected(None, Some(3)), expected(Some(&[2, 3]), Some(3))] {
            assert!(check(right).is_ok());
        }
        for wrong in [
            expected(Some(&[2]), None),
            expected(None, Some(4)),
            expected(Some(&[3]), Some(2)),
            expected(Some(&[]), Some(3)),
        ] {
            assert!(matches!(check(wrong), Err(PublishError::RevisionMismatch(Revision(3)))));
        }
        for before in [expected(Some(&[1]), None), expected(None, Some(2)), expected(Some(&[2, 9]), Some(1))] {
            assert!(before.is_of_before(Revision(3)));
        }
        for other in
            [expected(None, None), expected(Some(&[]), Some(2)), expected(Some(&[2]), Some(3)), expected(None, Some(4))]
        {
            assert!(!other.is_of_before(Revision(3)));
        }
    }
}
