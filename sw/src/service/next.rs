//! The routes that the next version has besides. See `partyline_core`'s feature `next`.

use partyline_core::api::{CommentDocument, Comments};
use partyline_core::id::{RoomId, TaskId};
use partyline_core::replica::{Batch, Comment};

use crate::host::Host;
use crate::http::Response;
use crate::problem::{Failure, sentence};
use crate::store::Store;

use super::{Effect, Service};

impl<S: Store, H: Host> Service<S, H> {
    pub(crate) async fn comments(&self, room: RoomId) -> Result<Response, Failure> {
        self.read(room, &|open| {
            let comments = open.replica.comments().into_iter();
            let comments = comments.map(|Comment { task, text }| CommentDocument { task: task.to_string(), text });
            Ok(Response::json(200, &Comments { comments: comments.collect() }))
        })
        .await
    }

    pub(crate) async fn post_comment(&self, room: RoomId, document: &CommentDocument) -> Result<Response, Failure> {
        let task = TaskId::parse(&document.task).map_err(|error| Failure::invalid(&sentence(&error)))?;
        let comment = Comment { task, text: document.text.clone() };
        let id = self.host.random();
        self.write(room, &|open| {
            let now = self.host.now_ms();
            let change = open.replica.comment(id, &comment, now);
            let change = change.map_err(|error| Failure::invalid(&sentence(&error)))?;
            let answer = Response::json(201, document);
            Ok(Effect::Write { record: Batch::live(vec![change]).at(now), from: None, answer })
        })
        .await
    }
}
