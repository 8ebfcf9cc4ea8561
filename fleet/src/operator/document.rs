//! The operator's calls about documents: they are created, get new versions, and
//! as change calendars open and close.

use serde_json::Value;
use shared::error::ErrorCode;
use shared::wire::{
    CreateDocument, DeleteDocument, DocumentDescription, GetDocument, UpdateDocument,
    UpdateDocumentDefaultVersion,
};

use super::act::{Seen, seen};
use super::{Desk, DeskError, Manner, Operator};
use crate::plan::timeline::Expected;

impl Operator {
    /// Creates a document. One of this name that is there, from an earlier try or
    /// an earlier run, is as good if it says the same.
    pub(super) async fn create_document(
        &mut self,
        desk: &impl Desk,
        mut document: CreateDocument,
        expected: &Expected,
    ) -> Seen {
        let (name, content) = (document.name.clone(), document.content.clone());
        document.tags = self.run_tag.clone().map(|tag| vec![tag]);
        let outcome = self
            .try_again_while(desk, Manner::Calls, document, |error| {
                error.is_passing() && !expected.is_met_by(error)
            })
            .await;
        match outcome {
            Ok(reply) => {
                self.left.documents.push(name);
                seen(Ok(reply))
            }
            Err(DeskError::Refused { operation, error })
                if error.code == ErrorCode::DocumentAlreadyExists && expected.error.is_none() =>
            {
                let call = GetDocument { name: name.clone(), ..GetDocument::default() };
                let there = self.insist(desk, call).await?;
                if is_same_json(&there.content, &content) {
                    return seen(Ok(there));
                }
                let reason = format!("document {name} is there already, with another content");
                Err(DeskError::Failed { operation, reason, may_be_done: false })
            }
            Err(error) => Err(error),
        }
    }

    /// Gives a document a new version, and makes it the default.
    pub(super) async fn update_document(
        &mut self,
        desk: &impl Desk,
        document: CreateDocument,
        expected: &Expected,
    ) -> Seen {
        let call = UpdateDocument {
            name: document.name,
            content: document.content,
            document_version: Some("$LATEST".into()),
            document_format: document.document_format,
            ..UpdateDocument::default()
        };
        let reply = self.insist_as_expected(desk, call, expected).await?;
        self.make_default(desk, &reply.document_description).await?;
        seen(Ok(reply))
    }

    async fn make_default(
        &mut self,
        desk: &impl Desk,
        described: &DocumentDescription,
    ) -> Result<(), DeskError> {
        let Some(document_version) = described.document_version.clone() else { return Ok(()) };
        let call = UpdateDocumentDefaultVersion { name: described.name.clone(), document_version };
        self.try_again_while(desk, Manner::Calls, call, DeskError::is_passing).await.map(drop)
    }

    /// Opens or closes a change calendar; it is made if there is none of this name.
    pub(super) async fn set_calendar(
        &mut self,
        desk: &impl Desk,
        name: &str,
        is_open: bool,
        expected: &Expected,
    ) -> Seen {
        let content = calendar(is_open, &crate::result::iso(desk.now()));
        let document = CreateDocument {
            name: name.to_owned(),
            content,
            document_type: Some("ChangeCalendar".into()),
            document_format: Some("TEXT".into()),
            ..CreateDocument::default()
        };
        match self.update_document(desk, document.clone(), expected).await {
            Err(DeskError::Refused { error, .. }) if error.code == ErrorCode::InvalidDocument => {
                self.create_document(desk, document, expected).await
            }
            outcome => outcome,
        }
    }

    /// Makes a document that the scenario lists by itself.
    pub(super) async fn create_listed(&mut self, desk: &impl Desk, document: CreateDocument) {
        match self.create_document(desk, document, &Expected::default()).await {
            Ok(_) => {}
            Err(DeskError::Failed { reason, operation: "CreateDocument", may_be_done: false })
                if reason.starts_with("document ") =>
            {
                self.troubles.insert(reason);
            }
            Err(error) => self.trouble(error),
        }
    }

    /// Deletes the documents that this run made.
    pub(super) async fn clear_documents(&mut self, desk: &impl Desk) {
        for name in std::mem::take(&mut self.left.documents) {
            let call = DeleteDocument { name: name.clone(), ..DeleteDocument::default() };
            match self.clear(desk, call).await {
                Ok(_) => {}
                Err(DeskError::Refused { error, .. }) if error.code == ErrorCode::InvalidDocument => {}
                Err(error) => tracing::warn!(document = name, %error, "a document of this run is left"),
            }
        }
    }
}

/// A calendar without events, in iCalendar: open or closed for good. The instant
/// tells its versions apart, for no two may say the same.
pub(crate) fn calendar(is_open: bool, at: &str) -> String {
    let kind = if is_open { "DEFAULT_OPEN" } else { "DEFAULT_CLOSED" };
    format!(
        "BEGIN:VCALENDAR\r\nPRODID:-//AWS//Change Calendar 1.0//EN\r\nVERSION:2.0\r\n\
         X-CALENDAR-TYPE:{kind}\r\nX-WR-CALDESC:set at {at}\r\nEND:VCALENDAR\r\n"
    )
}

/// Whether both say the same in JSON.
pub(crate) fn is_same_json(one: &str, other: &str) -> bool {
    let read = |text| serde_json::from_str::<Value>(text);
    matches!((read(one), read(other)), (Ok(one), Ok(other)) if one == other)
}
