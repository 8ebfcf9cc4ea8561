//! Where the output of a run is stored, as the agent names it.
//!
//! As agent/association/processor: `buildOutput`. Nothing is stored: nodes call
//! nobody but the plane.

use shared::id::NodeId;
use shared::time::Timestamp;
use shared::wire::{OutputUrl, S3OutputUrl};

use crate::association::Association;

/// The place in S3, if the association has one: bucket, prefix, node, association
/// and the instant at which the run began.
pub(crate) fn url(association: &Association, node: NodeId, began: Timestamp) -> Option<OutputUrl> {
    let location = association.output_location.as_ref()?.s3_location.as_ref()?;
    let bucket = location.output_s3_bucket_name.as_deref().filter(|bucket| !bucket.is_empty())?;
    let prefix = location.output_s3_key_prefix.as_deref().unwrap_or_default().trim_matches('/');
    let (node, id, run) = (node.to_string(), association.id.to_string(), run_id(began));
    let parts = [bucket, prefix, &node, &id, &run];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Some(OutputUrl { s3_output_url: Some(S3OutputUrl { output_url: Some(parts.join("/")) }) })
}

/// As agent/times: `ToIsoDashUTC`, `2006-01-02T15-04-05.000Z`.
fn run_id(began: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(began.milliseconds()).unwrap_or(jiff::Timestamp::MAX);
    instant.strftime("%Y-%m-%dT%H-%M-%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::id::AssociationId;
    use shared::wire::{OutputLocation, S3Location};

    use super::*;
    use crate::association::OwnSchedule;

    #[test]
    fn output_is_stored_by_node_association_and_run() {
        let association = |bucket: Option<&str>, prefix: Option<&str>| Association {
            id: AssociationId::from_bits(1),
            name: "any".into(),
            document_version: "1".into(),
            checksum: "".into(),
            parameters: None,
            schedule: OwnSchedule::None,
            is_legacy: false,
            output_location: Some(Arc::new(OutputLocation {
                s3_location: Some(S3Location {
                    output_s3_bucket_name: bucket.map(Into::into),
                    output_s3_key_prefix: prefix.map(Into::into),
                    ..S3Location::default()
                }),
            })),
        };
        let node = NodeId::ec2(1);
        let place = |association: &Association| {
            let began = Timestamp::from_milliseconds(1_795_407_870_211);
            url(association, node, began).map(|url| url.s3_output_url.unwrap().output_url.unwrap())
        };
        let run = format!("{node}/{}/2026-11-23T04-24-30.211Z", AssociationId::from_bits(1));
        assert_eq!(place(&association(Some("b"), Some("p/q/"))), Some(format!("b/p/q/{run}")));
        assert_eq!(place(&association(Some("b"), None)), Some(format!("b/{run}")));
        assert_eq!(place(&association(None, Some("p"))), None);
        assert_eq!(place(&Association { output_location: None, ..association(None, None) }), None);
    }
}
