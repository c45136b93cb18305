//! Several edits of tasks in one request.

use partyline_core::api::{Edited, Edits, MAX_EDITS, NewTask, Refused, TaskEdit, TaskPatch};
use partyline_core::id::TaskId;
use partyline_core::replica::Record;

use crate::convert;
use crate::host::Host;
use crate::http::{Request, Response};
use crate::problem::Failure;
use crate::room::OpenRoom;
use crate::store::Store;

use super::{Effect, Service, Work};

/// An edit whose task is known.
enum Named {
    Add(TaskId, Box<NewTask>),
    Patch(TaskId, Box<TaskPatch>),
}

impl<S: Store, H: Host> Service<S, H> {
    pub(super) fn post_edits(&self, request: &Request) -> Result<Work<'_>, Failure> {
        let Edits { edits } = request.document()?;
        if edits.len() > MAX_EDITS {
            return Err(Failure::invalid(&format!("`edits`: there are at most {MAX_EDITS} in one request.")));
        }
        let edits: Vec<_> = edits.into_iter().map(|edit| self.named(edit)).collect();
        Ok(Work::Edit(Box::new(move |open| {
            let mut all: Option<Record> = None;
            let mut refused = Vec::new();
            for (number, edit) in edits.iter().enumerate() {
                let made = match edit {
                    Ok(Named::Add(id, _)) if open.replica.task(*id).is_some() => continue,
                    Ok(edit) => self.make(open, edit),
                    Err(failure) => Err(failure.clone()),
                };
                match made {
                    Ok(Effect::Write { record, .. }) => match &mut all {
                        Some(all) => all.batch.changes.extend(record.batch.changes),
                        None => all = Some(record),
                    },
                    Ok(_) => {}
                    Err(failure) => refused.push(Refused { edit: number, problem: failure.problem.clone() }),
                }
            }
            let answer = Response::json(200, &Edited { refused });
            Ok(match all {
                Some(record) => Effect::Write { record, from: None, answer },
                None => Effect::Nothing(answer),
            })
        })))
    }

    fn named(&self, edit: TaskEdit) -> Result<Named, Failure> {
        match edit {
            TaskEdit::Add(mut task) => {
                convert::normalize_new(&mut task, &|text| self.host.normalize(text));
                Ok(Named::Add(self.new_task_id(&task)?, task))
            }
            TaskEdit::Patch(mut patch) => {
                convert::normalize_patch(&mut patch, &|text| self.host.normalize(text));
                let id = patch.id.as_deref().ok_or_else(|| Failure::invalid("`id`: which task is it?"))?;
                Ok(Named::Patch(TaskId::parse(id).map_err(|_| Failure::unknown_task())?, patch))
            }
        }
    }

    fn make(&self, open: &mut OpenRoom, edit: &Named) -> Result<Effect, Failure> {
        let done = &|_: &_| Response::no_content();
        let effect = match edit {
            Named::Add(id, task) => self.add_task(open, *id, task, done)?,
            Named::Patch(id, patch) => {
                let task = open.replica.task(*id).ok_or_else(Failure::unknown_task)?;
                self.change_task(open, task, patch, done)?
            }
        };
        // The next one may be put behind it.
        if let Effect::Write { record, .. } = &effect {
            open.note_positions(&record.batch);
        }
        Ok(effect)
    }
}
