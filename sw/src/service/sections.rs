//! The sections of a room's list.

use partyline_core::api::{SectionPatch, Sections};
use partyline_core::id::SectionId;
use partyline_core::replica::{ObjectId, Op, Placing, Replica, Section, Spot};

use crate::convert;
use crate::host::Host;
use crate::http::{Request, Response};
use crate::problem::Failure;
use crate::room::OpenRoom;
use crate::store::Store;

use super::{Effect, Service, Work};

impl<S: Store, H: Host> Service<S, H> {
    pub(super) fn sections(&self) -> Work<'_> {
        Work::Read(Box::new(|open| {
            let sections = open.replica.sections().into_iter().map(convert::section_document);
            Ok(Response::json(200, &Sections { sections: sections.collect() }))
        }))
    }

    pub(super) fn post_section(&self, document: SectionPatch) -> Result<Work<'_>, Failure> {
        if document.deleted.is_some() {
            return Err(Failure::invalid("`deleted`: a new section is not deleted."));
        }
        let id = match &document.id {
            Some(text) => convert::section_id("id", text)?,
            None => SectionId::from_random_bytes(self.host.random()),
        };
        let spot = convert::section_spot(document.after.as_ref(), Some(Spot::Last))?;
        let name = convert::section_name(&self.host.normalize(&document.name.unwrap_or_default()))?;
        Ok(Work::Edit(Box::new(move |open| {
            if open.replica.section(id).is_some() {
                return Err(Failure::section_exists());
            }
            let placing = place(open, id, spot)?;
            let (place, moved) = placing.map(|placing| (Op::Position(placing.position), placing.moved)).unzip();
            let moved = moved.unwrap_or_default();
            let ops = [name.clone(), Op::CreatedAt(self.host.now_ms())].into_iter().chain(place).collect();
            let created = |replica: &Replica| answer(201, replica.section(id));
            self.place(open, ObjectId::section(id), (ops, &moved), &created)
        })))
    }

    pub(super) fn patch_section(&self, id: SectionId, request: &Request) -> Result<Work<'_>, Failure> {
        let patch: SectionPatch = request.document()?;
        if patch.id.is_some() {
            return Err(Failure::invalid("`id` cannot be changed."));
        }
        let spot = convert::section_spot(patch.after.as_ref(), None)?;
        let name = patch.name.map(|name| convert::section_name(&self.host.normalize(&name))).transpose()?;
        Ok(Work::Edit(Box::new(move |open| {
            let section = open.replica.section(id).ok_or_else(Failure::unknown_section)?;
            let placing = place(open, id, spot)?;
            let (place, moved) = placing.map(|placing| (Op::Position(placing.position), placing.moved)).unzip();
            let moved = moved.unwrap_or_default();
            // What stays as it is makes no operation: an operation is a claim against what others write.
            let is_new = |op: &Op| match op {
                Op::Title(name) => **name != *section.name,
                Op::Position(position) => *position != section.position,
                _ => true,
            };
            let life = match patch.deleted {
                Some(true) => (!section.deleted).then_some(Op::Deleted),
                Some(false) => section.deleted.then_some(Op::Alive),
                None => None,
            };
            let ops: Vec<Op> = name.clone().into_iter().chain(place).chain(life).filter(is_new).collect();
            if ops.is_empty() || section.deleted && patch.deleted == Some(true) {
                return Ok(Effect::Nothing(answer(200, Some(section))));
            }
            let changed = |replica: &Replica| answer(200, replica.section(id));
            self.place(open, ObjectId::section(id), (ops, &moved), &changed)
        })))
    }

    pub(super) fn delete_section(&self, id: SectionId) -> Work<'_> {
        Work::Edit(Box::new(move |open| {
            let section = open.replica.section(id).ok_or_else(Failure::unknown_section)?;
            if section.deleted {
                return Ok(Effect::Nothing(Response::no_content()));
            }
            self.edit(open, ObjectId::section(id), vec![Op::Deleted], &|_| Response::no_content())
        }))
    }
}

/// What puts a section there, if it is to go anywhere, and others that move over.
fn place(open: &OpenRoom, id: SectionId, spot: Option<Spot<SectionId>>) -> Result<Option<Placing>, Failure> {
    let unknown = || Failure::invalid("`after`: the room has no such section.");
    spot.map(|spot| open.replica.place_section(id, spot).ok_or_else(unknown)).transpose()
}

fn answer(status: u16, section: Option<Section>) -> Response {
    match section {
        Some(section) => Response::json(status, &convert::section_document(section)),
        None => Failure::unknown_section().into(),
    }
}
