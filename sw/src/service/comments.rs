//! The comments on a task.

use partyline_core::api::{CommentPatch, Comments, MAX_COMMENTS};
use partyline_core::id::{CommentId, RoomId, TaskId};
use partyline_core::replica::{Comment, ObjectId, Op};

use crate::convert;
use crate::host::Host;
use crate::http::{Request, Response};
use crate::problem::Failure;
use crate::store::Store;

use super::{Effect, Service, Work};

impl<S: Store, H: Host> Service<S, H> {
    /// Those on a task, or on all.
    pub(super) fn comments(&self, task: Option<TaskId>) -> Work<'_> {
        Work::Read(Box::new(move |open| {
            let all = match task {
                Some(task) => {
                    open.replica.task(task).ok_or_else(Failure::unknown_task)?;
                    open.replica.comments(task)
                }
                None => open.replica.all_comments(),
            };
            let latest = all.len().saturating_sub(MAX_COMMENTS);
            let comments = all.into_iter().skip(latest).map(convert::comment_document).collect();
            Ok(Response::json(200, &Comments { comments }))
        }))
    }

    pub(super) fn post_comment(&self, room: RoomId, task: TaskId, document: CommentPatch) -> Result<Work<'_>, Failure> {
        if document.deleted.is_some() {
            return Err(Failure::invalid("`deleted`: a new comment is not deleted."));
        }
        let id = match &document.id {
            Some(text) => CommentId::parse(text).map_err(|error| Failure::invalid(&format!("`id`: {error}")))?,
            None => CommentId::on(task, self.host.random()),
        };
        if !id.is_on(task) {
            return Err(Failure::invalid("`id`: that of a comment begins as that of its task does."));
        }
        let text = convert::comment_text(&self.host.normalize(&document.text.unwrap_or_default()))?;
        Ok(Work::Edit(Box::new(move |open| {
            let is_there = open.replica.task(task).is_some_and(|task| !task.title.is_empty());
            if !is_there {
                return Err(Failure::unknown_task());
            }
            if open.replica.comment(id).is_some() {
                return Err(Failure::comment_exists());
            }
            let ops = vec![Op::On(Box::new(task)), text.clone()];
            self.edit(open, ObjectId::comment(id), ops, &|replica| {
                let location = format!("/peer/v1/rooms/{room}/tasks/{task}/comments/{id}");
                answer(201, replica.comment(id)).with_header("location", location)
            })
        })))
    }

    pub(super) fn patch_comment(&self, of: (TaskId, CommentId), request: &Request) -> Result<Work<'_>, Failure> {
        let patch: CommentPatch = request.document()?;
        if patch.id.is_some() {
            return Err(Failure::invalid("`id` cannot be changed."));
        }
        let text = patch.text.map(|text| convert::comment_text(&self.host.normalize(&text))).transpose()?;
        let (task, id) = of;
        Ok(Work::Edit(Box::new(move |open| {
            let comment = open.replica.comment(id).filter(|comment| comment.task == task);
            let comment = comment.ok_or_else(Failure::unknown_comment)?;
            let text = text.clone().filter(|text| *text != Op::Text(comment.text.as_str().into()));
            let ops: Vec<Op> = match patch.deleted {
                Some(true) if comment.deleted => Vec::new(),
                Some(true) => vec![Op::Deleted],
                Some(false) if comment.deleted => text.into_iter().chain([Op::Alive]).collect(),
                _ => text.into_iter().collect(),
            };
            if ops.is_empty() {
                return Ok(Effect::Nothing(answer(200, Some(comment))));
            }
            self.edit(open, ObjectId::comment(id), ops, &|replica| answer(200, replica.comment(id)))
        })))
    }
}

fn answer(status: u16, comment: Option<Comment>) -> Response {
    match comment {
        Some(comment) => Response::json(status, &convert::comment_document(comment)),
        None => Failure::unknown_comment().into(),
    }
}
