//! How the member makes its ring, so that its workers make the same one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::RingSettings;
use crate::ring::Profile;

/// What options say of the ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RingBody {
    profile: ProfileBody,
    replicas: u8,
    hash_tags: bool,
    tags: BTreeMap<String, String>,
    weight_tag: String,
    zone_tag: String,
    history: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum ProfileBody {
    Slots(u32, Option<u32>),
    Ketama,
    Clusterluck,
}

impl From<&RingSettings> for RingBody {
    fn from(settings: &RingSettings) -> Self {
        Self {
            profile: match settings.profile {
                Profile::Slots { slots, slack } => ProfileBody::Slots(slots, slack),
                Profile::Ketama => ProfileBody::Ketama,
                Profile::Clusterluck => ProfileBody::Clusterluck,
            },
            replicas: settings.replicas,
            hash_tags: settings.hash_tags,
            tags: settings.tags.clone(),
            weight_tag: settings.weight_tag.clone(),
            zone_tag: settings.zone_tag.clone(),
            history: u32::try_from(settings.history).unwrap_or(u32::MAX),
        }
    }
}

impl From<RingBody> for RingSettings {
    fn from(body: RingBody) -> Self {
        Self {
            profile: match body.profile {
                ProfileBody::Slots(slots, slack) => Profile::Slots { slots, slack },
                ProfileBody::Ketama => Profile::Ketama,
                ProfileBody::Clusterluck => Profile::Clusterluck,
            },
            replicas: body.replicas,
            hash_tags: body.hash_tags,
            tags: body.tags,
            weight_tag: body.weight_tag,
            zone_tag: body.zone_tag,
            history: body.history as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attach::{decode, encode};

    #[test]
    fn what_makes_a_ring_comes_out_as_it_went_in() {
        let profiles = [
            Profile::Slots { slots: 64, slack: Some(50) },
            Profile::Slots { slots: 1, slack: None },
            Profile::Ketama,
            Profile::Clusterluck,
        ];
        for profile in profiles {
            let settings = RingSettings {
                profile,
                replicas: 2,
                hash_tags: true,
                tags: [("role".to_owned(), "web".to_owned())].into(),
                weight_tag: "w".to_owned(),
                zone_tag: "z".to_owned(),
                history: 4,
            };
            let body = encode(&RingBody::from(&settings)).expect("it is short");
            assert_eq!(RingSettings::from(decode::<RingBody>(&body).expect("the same")), settings);
        }
    }
}
