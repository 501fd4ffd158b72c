//! Voters in great numbers, each with a token of its own, and each behind an address of its own.

use sawt::{
    clock::Clock,
    poll::VoterId,
    secret::Secret,
    voter::{FirstMade, TokenKeys},
};

/// The bytes of a token's text.
pub(crate) const TOKEN: usize = 64;

/// Where a client's address stands in the headers: `10.1dd.1dd.1dd`, so that all are of one length.
pub(crate) const ADDRESS: &str = "10.100.100.100";

/// What a new voter is known by, in which six digits count them.
pub(crate) const NONCE: &str = "bench-000000AAAAAAAAAA";

/// Tokens of voters, minted beforehand: minting is no part of voting.
pub(crate) struct Voters {
    tokens: Vec<u8>,
}

impl Voters {
    /// So many voters whose tokens are signed with this secret.
    pub(crate) fn new(count: usize, secret: &str) -> Self {
        let keys = TokenKeys::new(&Secret::new(secret.to_owned()), None);
        let now = Clock::default().now();
        let mut tokens = Vec::with_capacity(count * TOKEN);
        for number in 0..count {
            let (token, _) =
                keys.sign(VoterId::from_bytes((number as u128).to_be_bytes()), FirstMade::at(now, None), now);
            tokens.extend_from_slice(token.as_bytes());
        }
        assert_eq!(tokens.len(), count * TOKEN, "a token has {TOKEN} characters");
        Self { tokens }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.tokens.len() / TOKEN
    }

    /// Writes a voter's token.
    pub(crate) fn write_token(&self, voter: usize, to: &mut [u8]) {
        let first = voter % self.count() * TOKEN;
        to.copy_from_slice(&self.tokens[first..first + TOKEN]);
    }
}

/// Writes the address of one of a million clients in the form of [`ADDRESS`].
pub(crate) fn write_address(client: usize, to: &mut [u8]) {
    let mut rest = client;
    for place in [13, 12, 9, 8, 5, 4] {
        to[place] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

/// Writes the nonce of one of a million new voters in the form of [`NONCE`].
pub(crate) fn write_nonce(voter: usize, to: &mut [u8]) {
    let mut rest = voter;
    for place in (6..12).rev() {
        to[place] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}
