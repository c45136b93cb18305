//! The routes that the next version has besides. See `partyline_core`'s feature `next`.

use partyline_core::api::{CommentDocument, Comments};
use partyline_core::id::TaskId;
use partyline_core::replica::{Batch, Comment};

use crate::host::Host;
use crate::http::Response;
use crate::problem::{Failure, sentence};
use crate::store::Store;

use super::{Effect, Service, Work};

impl<S: Store, H: Host> Service<S, H> {
    pub(super) fn comments(&self) -> Work<'_> {
        Work::Read(Box::new(|open| {
            let comments = open.replica.comments().into_iter();
            let comments = comments.map(|Comment { task, text }| CommentDocument { task: task.to_string(), text });
            Ok(Response::json(200, &Comments { comments: comments.collect() }))
        }))
    }

    pub(super) fn post_comment(&self, document: CommentDocument) -> Result<Work<'_>, Failure> {
        let task = TaskId::parse(&document.task).map_err(|error| Failure::invalid(&sentence(&error)))?;
        let comment = Comment { task, text: document.text.clone() };
        let id = self.host.random();
        Ok(Work::Edit(Box::new(move |open| {
            let now = self.host.now_ms();
            let change = open.replica.comment(id, &comment, now);
            let change = change.map_err(|error| Failure::invalid(&sentence(&error)))?;
            let answer = Response::json(201, &document);
            Ok(Effect::Write { record: Batch::live(vec![change]).at(now), from: None, answer })
        })))
    }
}
