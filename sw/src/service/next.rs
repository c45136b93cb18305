//! The routes that the next version has besides. See `partyline_core`'s feature `next`.

use partyline_core::api::{SignOffDocument, SignOffs};
use partyline_core::id::TaskId;
use partyline_core::replica::{Batch, SignOff};

use crate::host::Host;
use crate::http::Response;
use crate::problem::{Failure, sentence};
use crate::store::Store;

use super::{Effect, Service, Work};

impl<S: Store, H: Host> Service<S, H> {
    pub(super) fn sign_offs(&self) -> Work<'_> {
        Work::Read(Box::new(|open| {
            let all = open.replica.sign_offs().into_iter();
            let all = all.map(|SignOff { task, remark }| SignOffDocument { task: task.to_string(), remark });
            Ok(Response::json(200, &SignOffs { sign_offs: all.collect() }))
        }))
    }

    pub(super) fn post_sign_off(&self, document: SignOffDocument) -> Result<Work<'_>, Failure> {
        let task = TaskId::parse(&document.task).map_err(|error| Failure::invalid(&sentence(&error)))?;
        let sign_off = SignOff { task, remark: document.remark.clone() };
        let id = self.host.random();
        Ok(Work::Edit(Box::new(move |open| {
            let now = self.host.now_ms();
            let change = open.replica.sign_off(id, &sign_off, now);
            let change = change.map_err(|error| Failure::invalid(&sentence(&error)))?;
            let answer = Response::json(201, &document);
            Ok(Effect::Write { record: Batch::live(vec![change]).at(now), from: None, answer })
        })))
    }
}
