//! The provider that names editors.

use super::{Default, Setting, Shape};
use crate::config::values::{hidden, keep_secret, keep_some, keep_words, with_value};

/// What an issuer is.
const OIDC_ISSUER: &str =
    "the https address by which the provider calls itself, such as https://id.example/realms/news";

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "oidc_issuer",
        shape: Shape::Text,
        form: "URL",
        default: Default::Unset { means: "editors sign in by keys alone", example: "https://id.example/realms/news" },
        about: "The OpenID Connect provider that names editors, as it calls itself. Register sawt there with the \
                authorization code flow and PKCE, and the address to come back to: the newsroom's, with \
                /newsroom/oidc/callback.",
        set: |config, text| keep_some(&mut config.oidc_issuer, text, OIDC_ISSUER),
        show: |config| config.oidc_issuer.as_ref().map(ToString::to_string),
    },
    Setting {
        name: "oidc_client_id",
        shape: Shape::Text,
        form: "NAME",
        default: Default::Unset { means: "nothing, without a provider", example: "sawt" },
        about: "The name that the provider has given to sawt (client_id).",
        set: |config, text| keep_words(&mut config.oidc_client_id, text),
        show: |config| config.oidc_client_id.clone(),
    },
    Setting {
        name: "oidc_client_secret",
        shape: Shape::Secret,
        form: "SECRET",
        default: Default::Unset {
            means: "sawt is a public client, and shows the provider nothing",
            example: "/run/secrets/sawt_oidc_client_secret",
        },
        about: "What sawt shows the provider (client_secret).",
        set: |config, text| keep_secret(&mut config.oidc_client_secret, text, 1),
        show: |config| hidden(config.oidc_client_secret.as_ref()),
    },
    Setting {
        name: "oidc_scopes",
        shape: Shape::Text,
        form: "WORDS",
        default: Default::Is("openid profile"),
        about: "What the provider is asked for, with a space between; openid is one of it. Some want groups too.",
        set: |config, text| {
            if !text.split(' ').any(|scope| scope == "openid") || text.contains(char::is_control) {
                return Err(with_value("must be words with a space between, openid one of them", text));
            }
            text.clone_into(&mut config.oidc_scopes);
            Ok(())
        },
        show: |config| Some(config.oidc_scopes.clone()),
    },
    Setting {
        name: "oidc_groups_claim",
        shape: Shape::Text,
        form: "NAME",
        default: Default::Is("groups"),
        about: "The claim in which the provider names a person's groups; dots lead into objects: realm_access.roles.",
        set: |config, text| {
            if text.is_empty() || text.contains(char::is_control) {
                return Err(with_value("must be the name of a claim", text));
            }
            text.clone_into(&mut config.oidc_groups_claim);
            Ok(())
        },
        show: |config| Some(config.oidc_groups_claim.clone()),
    },
    Setting {
        name: "oidc_roles",
        shape: Shape::Text,
        form: "GROUP=ROLE@SITE,…",
        default: Default::Unset { means: "nobody may do anything", example: "editors=editor@news, ops=admin@*" },
        about: "What the provider's groups may do: viewer reads polls and results, editor makes and edits polls besides, \
                publisher makes keys besides, admin changes the site's settings besides; * is every site, and admin@* \
                may do what the admin key may. It counts from the next time somebody signs in, within 12 hours.",
        set: |config, text| {
            config.oidc_roles = text.parse()?;
            Ok(())
        },
        show: |config| (!config.oidc_roles.is_empty()).then(|| config.oidc_roles.to_string()),
    },
    Setting {
        name: "oidc_name",
        shape: Shape::Text,
        form: "WORDS",
        default: Default::Unset {
            means: "the button says that one signs in with one's account", example: "الراي"
        },
        about: "What the provider is called on the button that signs editors in.",
        set: |config, text| keep_words(&mut config.oidc_name, text),
        show: |config| config.oidc_name.clone(),
    },
];
