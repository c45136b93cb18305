//! Between the JSON documents and the domain. Whatever a document holds that the domain does not take is a
//! [`Failure`] that says which field, and what it would take.

use partyline_core::api::{
    BatchDocument, ChangeDocument, CommentDocument, HeldDocument, NewTask, OpDocument, SectionDocument,
    SyncAnswerDocument, SyncDocument, TaskDocument, TaskPatch, TaskStatus, Vector, format_timestamp,
};
use partyline_core::id::{DeviceId, SectionId, TaskId};
use partyline_core::replica::{
    Change, Comment, Date, MAX_ASSIGNEE, MAX_COMMENT, MAX_COMMENT_LINES, MAX_LABEL, MAX_LABELS, MAX_NAME, MAX_NOTES,
    MAX_REASON, MAX_TITLE, ObjectId, Op, Position, Priority, Replica, Section, Spot, Status, SyncAnswer, SyncRequest,
    Task, VersionVector,
};

use crate::problem::{Failure, grouped, sentence};
use crate::text::{Unfit, check_line, check_text, is_blank};

/// Edits the replica, or says why not; then the replica is as it was.
pub(crate) fn edit(replica: &mut Replica, object: ObjectId, ops: Vec<Op>, now_ms: u64) -> Result<Change, Failure> {
    replica.edit(object, ops, now_ms).map_err(|error| Failure::invalid(&sentence(&error)))
}

/// Brings the texts of a document into the one form in which equal ones are equal.
pub(crate) fn normalize_new(document: &mut NewTask, normalize: &dyn Fn(&str) -> String) {
    document.title = normalize(&document.title);
    let texts = document.notes.iter_mut().chain(&mut document.assignee).chain(&mut document.blocked_reason);
    for text in texts.chain(document.labels.iter_mut().flatten()) {
        *text = normalize(text);
    }
}

/// The same of a patch.
pub(crate) fn normalize_patch(patch: &mut TaskPatch, normalize: &dyn Fn(&str) -> String) {
    let texts = patch.title.iter_mut().chain(&mut patch.notes).chain(&mut patch.assignee);
    let texts = texts.chain(&mut patch.blocked_reason);
    let lists = [&mut patch.labels, &mut patch.add_labels, &mut patch.remove_labels];
    for text in texts.chain(lists.into_iter().flatten().flatten()) {
        *text = normalize(text);
    }
}

/// Checks that a task can be a part of what an edit says: of a task that is there, is no part of it, and is not too far down.
pub(crate) fn check_parent(replica: &Replica, task: TaskId, ops: &[Op]) -> Result<(), Failure> {
    let Some(parent) = ops.iter().find_map(|op| match op {
        Op::Parent(Some(parent)) => Some(**parent),
        _ => None,
    }) else {
        return Ok(());
    };
    if replica.task(parent).is_none_or(|task| task.deleted) {
        return Err(Failure::invalid("`parent`: the room has no such task."));
    }
    replica.tree().takes(task, parent).map_err(|error| Failure::invalid(&format!("`parent`: {error}.")))
}

/// Checks that the section that an edit puts a task into is there.
pub(crate) fn check_section(replica: &Replica, ops: &[Op]) -> Result<(), Failure> {
    let is_lost = |op: &Op| matches!(op, Op::Section(Some(section)) if !replica.has_section(**section));
    if ops.iter().any(is_lost) { Err(Failure::invalid("`section`: the room has no such section.")) } else { Ok(()) }
}

/// Where in the list a document puts a task, unless it has a position of its own; `otherwise` if it says neither.
pub(crate) fn spot(
    position: Option<&str>,
    after: Option<&Option<String>>,
    otherwise: Option<Spot>,
) -> Result<Option<Spot>, Failure> {
    match (position, after) {
        (None, None) => Ok(otherwise),
        (Some(_), None) => Ok(None),
        (None, Some(None)) => Ok(Some(Spot::First)),
        (None, Some(Some(text))) => Ok(Some(Spot::After(task_id("after", text)?))),
        (Some(_), Some(_)) => Err(Failure::invalid("Either `position` or `after`, not both.")),
    }
}

/// What makes a new task. It goes to `place` unless the document has a position.
pub(crate) fn new_task(document: &NewTask, place: Option<Position>, now_ms: u64) -> Result<Vec<Op>, Failure> {
    let given = document.position.as_deref().map(position).transpose()?;
    let position = given.or(place).unwrap_or_default();
    let mut ops =
        vec![Op::Title(within("title", &document.title, MAX_TITLE)?), Op::Position(position), Op::CreatedAt(now_ms)];
    // What is as a new task is anyway is left out.
    if let Some(notes) = document.notes.as_deref().filter(|text| !text.is_empty()) {
        ops.push(Op::Notes(within("notes", notes, MAX_NOTES)?));
    }
    if let Some(status) = document.status.filter(|status| *status != TaskStatus::default()) {
        ops.push(Op::Status(status_of(status)));
    }
    if let Some(level) = document.priority.filter(|level| *level != 0) {
        ops.push(Op::Priority(priority(level)?));
    }
    if let Some(text) = &document.due {
        ops.push(Op::Due(Some(date(text)?)));
    }
    if let Some(assignee) = document.assignee.as_deref().filter(|text| !text.is_empty()) {
        ops.push(Op::Assignee(within("assignee", assignee, MAX_ASSIGNEE)?));
    }
    if let Some(reason) = document.blocked_reason.as_deref().filter(|text| !text.is_empty()) {
        ops.push(Op::BlockedReason(within("reason", reason, MAX_REASON)?));
    }
    for label in labels(document.labels.as_deref().unwrap_or_default())? {
        ops.push(Op::add_label(label));
    }
    if let Some(text) = &document.parent {
        ops.push(Op::parent(Some(task_id("parent", text)?)));
    }
    if let Some(text) = &document.section {
        ops.push(Op::section(Some(section_id("section", text)?)));
    }
    Ok(ops)
}

/// What a patch changes about a task. Fields that would stay as they are make no operation: an operation is a claim
/// against what others write at the same time.
///
/// The task goes to `place` if there is one.
pub(crate) fn patch(patch: &TaskPatch, place: Option<Position>, task: &Task) -> Result<Vec<Op>, Failure> {
    let mut ops = Vec::new();
    check_read_only(patch, task)?;
    if let Some(title) = patch.title.as_deref().filter(|text| *text != task.title) {
        ops.push(Op::Title(within("title", title, MAX_TITLE)?));
    }
    if let Some(notes) = patch.notes.as_deref().filter(|text| *text != task.notes) {
        ops.push(Op::Notes(within("notes", notes, MAX_NOTES)?));
    }
    if let Some(status) = patch.status.map(status_of).filter(|status| *status != task.status) {
        ops.push(Op::Status(status));
    }
    if let Some(priority) = patch.priority.map(priority).transpose()?.filter(|level| *level != task.priority) {
        ops.push(Op::Priority(priority));
    }
    if let Some(text) = &patch.due {
        let due = text.as_deref().map(date).transpose()?;
        if due != task.due {
            ops.push(Op::Due(due));
        }
    }
    if let Some(assignee) = patch.assignee.as_deref().filter(|text| *text != task.assignee) {
        ops.push(Op::Assignee(within("assignee", assignee, MAX_ASSIGNEE)?));
    }
    if let Some(reason) = patch.blocked_reason.as_deref().filter(|text| *text != task.blocked_reason) {
        ops.push(Op::BlockedReason(within("reason", reason, MAX_REASON)?));
    }
    let there = |label: &str| task.labels.iter().any(|other| other == label);
    if let Some(texts) = &patch.labels {
        if patch.add_labels.is_some() || patch.remove_labels.is_some() {
            return Err(Failure::invalid("Either `labels`, or `addLabels` and `removeLabels`, not both."));
        }
        let wanted = labels(texts)?;
        ops.extend(wanted.iter().filter(|label| !there(label)).map(|label| Op::add_label(*label)));
        let gone = task.labels.iter().filter(|label| !wanted.contains(&label.as_str()));
        ops.extend(gone.map(Op::remove_label));
    }
    let added = labels(patch.add_labels.as_deref().unwrap_or_default())?;
    ops.extend(added.iter().filter(|label| !there(label)).map(|label| Op::add_label(*label)));
    let removed = patch.remove_labels.iter().flatten().filter(|label| there(label) && !added.contains(&label.as_str()));
    ops.extend(removed.map(Op::remove_label));
    let given = patch.position.as_deref().map(position).transpose()?;
    ops.extend(given.or(place).filter(|position| *position != task.position).map(Op::Position));
    if let Some(text) = &patch.parent {
        let parent = text.as_deref().map(|text| task_id("parent", text)).transpose()?;
        if parent == Some(task.id) {
            return Err(Failure::invalid("`parent`: a task cannot be a part of itself."));
        }
        if parent != task.parent {
            ops.push(Op::parent(parent));
        }
    }
    if let Some(text) = &patch.section {
        let section = text.as_deref().map(|text| section_id("section", text)).transpose()?;
        if section != task.section {
            ops.push(Op::section(section));
        }
    }
    #[cfg(feature = "next")]
    ops.extend(patch.estimate.filter(|hours| *hours != task.estimate).map(Op::estimate));
    match patch.deleted {
        // Whatever else a patch says that deletes, nothing of it is worth more than the deletion.
        Some(true) if task.deleted => Ok(Vec::new()),
        Some(true) => Ok(vec![Op::Deleted]),
        Some(false) if task.deleted => {
            ops.push(Op::Alive);
            Ok(ops)
        }
        _ => Ok(ops),
    }
}

/// What only the service sets may be in a patch as it is, and not otherwise.
fn check_read_only(patch: &TaskPatch, task: &Task) -> Result<(), Failure> {
    let fields = [
        ("id", &patch.id, task.id.to_string()),
        ("createdAt", &patch.created_at, format_timestamp(task.created_at)),
        ("updatedAt", &patch.updated_at, format_timestamp(task.updated_at)),
    ];
    for (field, given, value) in fields {
        if given.as_ref().is_some_and(|given| *given != value) {
            return Err(Failure::invalid(&format!("`{field}` cannot be changed.")));
        }
    }
    Ok(())
}

/// A name as an operation.
pub(crate) fn name(text: &str) -> Result<Op, Failure> {
    within("name", text, MAX_NAME).map(Op::Name)
}

/// The name of a section as an operation.
pub(crate) fn section_name(text: &str) -> Result<Op, Failure> {
    if text.is_empty() {
        return Err(Failure::invalid("A section needs a name."));
    }
    within("name", text, MAX_NAME).map(Op::Title)
}

/// Where among the sections a document puts one; `otherwise` if it does not say.
pub(crate) fn section_spot(
    after: Option<&Option<String>>,
    otherwise: Option<Spot<SectionId>>,
) -> Result<Option<Spot<SectionId>>, Failure> {
    Ok(match after {
        None => otherwise,
        Some(None) => Some(Spot::First),
        Some(Some(text)) => Some(Spot::After(section_id("after", text)?)),
    })
}

/// A section as it is read.
pub(crate) fn section_document(section: Section) -> SectionDocument {
    SectionDocument { id: section.id.to_string(), name: section.name, deleted: section.deleted }
}

/// A task as it is read.
pub(crate) fn task_document(task: Task) -> TaskDocument {
    TaskDocument {
        id: task.id.to_string(),
        title: task.title,
        notes: task.notes,
        status: status_document(task.status),
        priority: task.priority.get(),
        due: task.due.map(|date| date.to_string()),
        assignee: task.assignee,
        blocked_reason: task.blocked_reason,
        labels: task.labels,
        position: task.position.to_string(),
        parent: task.parent.map(|parent| parent.to_string()),
        section: task.section.map(|section| section.to_string()),
        created_at: format_timestamp(task.created_at),
        updated_at: format_timestamp(task.updated_at),
        deleted: task.deleted,
        comments: task.comments,
        #[cfg(feature = "next")]
        estimate: task.estimate,
    }
}

/// At least as many bytes as a task takes in JSON.
pub(crate) fn json_len(task: &TaskDocument) -> usize {
    /// Names of fields, ids, moments and punctuation, at their longest.
    const REST: usize = 404;
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\t' | b'\r' | 8 | 12 => 2,
        0..0x20 => 6,
        _ => 1,
    };
    let texts = [&task.title, &task.notes, &task.assignee, &task.blocked_reason].into_iter().chain(&task.labels);
    REST + task.position.len() + texts.map(|text| 3 + text.bytes().map(escaped).sum::<usize>()).sum::<usize>()
}

/// A version vector as JSON.
pub(crate) fn vector_document(vector: &VersionVector) -> Vector {
    vector.iter().map(|(device, seq)| (device.to_string(), seq)).collect()
}

/// A version vector from JSON.
pub(crate) fn vector(document: &Vector) -> Result<VersionVector, Failure> {
    let mut vector = VersionVector::new();
    for (text, seq) in document {
        let device = device_id("vector", text)?;
        vector.raise(device, *seq);
    }
    Ok(vector)
}

/// A sync request from JSON.
pub(crate) fn sync_request(document: &SyncDocument) -> Result<SyncRequest, Failure> {
    Ok(SyncRequest {
        vector: vector(&document.vector)?,
        cursor: document.cursor,
        in_full: true,
        ..SyncRequest::default()
    })
}

/// A sync answer as JSON.
pub(crate) fn sync_answer_document(answer: &SyncAnswer) -> SyncAnswerDocument {
    let batch = BatchDocument {
        changes: answer.batch.changes.iter().map(change_document).collect(),
        vector: answer.batch.vector.as_ref().map(vector_document),
    };
    SyncAnswerDocument { batch, next: answer.next, left: answer.left }
}

/// A change that is held back as JSON.
pub(crate) fn held_document(replica: &Replica, change: &Change, now_ms: u64) -> HeldDocument {
    let title = change.ops.iter().find_map(|op| match op {
        Op::Title(title) => Some(title.to_string()),
        _ => None,
    });
    let shown = || match change.object {
        ObjectId::Task(task) => replica.task(task).map(|task| task.title),
        _ => None,
    };
    HeldDocument {
        device: change.dot.device.to_string(),
        seq: change.dot.seq,
        ahead_ms: change.stamp.millis.saturating_sub(now_ms),
        title: title.or_else(shown).unwrap_or_default(),
        fields: change.ops.iter().map(|op| op_document(op).field).collect(),
    }
}

fn change_document(change: &Change) -> ChangeDocument {
    ChangeDocument {
        device: change.dot.device.to_string(),
        seq: change.dot.seq,
        millis: change.stamp.millis,
        counter: change.stamp.counter,
        object: match change.object {
            ObjectId::Room => "room".to_owned(),
            ObjectId::Device(device) => device.to_string(),
            ObjectId::Task(task) => task.to_string(),
            other @ ObjectId::Other(_) => {
                other.as_section().map_or_else(|| "other".to_owned(), |section| section.to_string())
            }
        },
        complete: change.complete,
        ops: change.ops.iter().map(op_document).collect(),
    }
}

/// The statuses, in the words of a task.
const STATUSES: &[(&str, Status)] = &[
    ("open", Status::Open),
    ("doing", Status::Doing),
    ("blocked", Status::Blocked),
    ("done", Status::Done),
    #[cfg(feature = "next")]
    ("review", Status::Review),
];

fn op_document(op: &Op) -> OpDocument {
    let text = |text: &str| Some(text.to_owned());
    let (field, value) = match op {
        Op::Name(name) => ("name", text(name)),
        Op::Title(title) => ("title", text(title)),
        Op::Notes(notes) => ("notes", text(notes)),
        Op::Status(status) => {
            ("status", STATUSES.iter().find(|(_, known)| known == status).and_then(|(word, _)| text(word)))
        }
        Op::Priority(priority) => ("priority", Some(priority.get().to_string())),
        Op::Due(due) => ("due", due.map(|date| date.to_string())),
        Op::Assignee(assignee) => ("assignee", text(assignee)),
        Op::BlockedReason(reason) => ("blockedReason", text(reason)),
        Op::On(task) => ("on", Some(task.to_string())),
        Op::Text(words) => ("text", text(words)),
        Op::Position(position) => ("position", Some(position.to_string())),
        Op::Parent(parent) => ("parent", parent.as_ref().map(|task| task.to_string())),
        Op::Section(section) => ("section", section.as_ref().map(|section| section.to_string())),
        Op::CreatedAt(millis) => ("createdAt", Some(millis.to_string())),
        Op::Deleted => ("deleted", text("true")),
        Op::Alive => ("deleted", text("false")),
        Op::Labelled => ("labelled", None),
        Op::AddLabel(label) => ("addLabel", text(label)),
        Op::RemoveLabel(removal) => ("removeLabel", Some(removal.element.to_string())),
        Op::Unknown(unknown) => ("unknown", Some(unknown.field.code().to_string())),
    };
    OpDocument { field: field.to_owned(), value }
}

fn status_document(status: Status) -> TaskStatus {
    match status {
        Status::Open => TaskStatus::Open,
        Status::Doing => TaskStatus::Doing,
        Status::Blocked => TaskStatus::Blocked,
        Status::Done => TaskStatus::Done,
        #[cfg(feature = "next")]
        Status::Review => TaskStatus::Review,
    }
}

fn status_of(status: TaskStatus) -> Status {
    match status {
        TaskStatus::Open => Status::Open,
        TaskStatus::Doing => Status::Doing,
        TaskStatus::Blocked => Status::Blocked,
        TaskStatus::Done => Status::Done,
        #[cfg(feature = "next")]
        TaskStatus::Review => Status::Review,
    }
}

fn within(what: &str, text: &str, limit: usize) -> Result<Box<str>, Failure> {
    if text.len() > limit {
        return Err(Failure::invalid(&format!(
            "The {what} {} too long: {} bytes; the limit is {}.",
            if what == "notes" { "are" } else { "is" },
            grouped(text.len() as u64),
            grouped(limit as u64),
        )));
    }
    let checked = if matches!(what, "notes" | "comment") { check_text(text) } else { check_line(text) };
    let Err(unfit) = checked else { return Ok(text.into()) };
    if what == "title" && unfit == Unfit::Invisible {
        return Err(Failure::invalid("A task needs a title."));
    }
    let why = match unfit {
        Unfit::Control => "must not have control characters or overrides of direction",
        Unfit::Lines => "must be one line",
        Unfit::Invisible => "must have something that can be seen",
    };
    Err(Failure::invalid(&format!("The {what} {why}.")))
}

/// What a comment says as an operation.
pub(crate) fn comment_text(text: &str) -> Result<Op, Failure> {
    if is_blank(text) {
        return Err(Failure::invalid("A comment needs a text."));
    }
    if text.lines().count() > MAX_COMMENT_LINES {
        return Err(Failure::invalid(&format!("A comment can have at most {MAX_COMMENT_LINES} lines.")));
    }
    within("comment", text, MAX_COMMENT).map(Op::Text)
}

/// A comment as it is read.
pub(crate) fn comment_document(comment: Comment) -> CommentDocument {
    CommentDocument {
        id: comment.id.to_string(),
        task: comment.task.to_string(),
        text: comment.text,
        author: comment.author.to_string(),
        made_at: format_timestamp(comment.made_at),
        edited_at: comment.edited_at.map(format_timestamp),
        deleted: comment.deleted,
    }
}

/// The labels, each once.
fn labels(texts: &[String]) -> Result<Vec<&str>, Failure> {
    let mut labels = Vec::new();
    for text in texts {
        within("label", text, MAX_LABEL)?;
        if labels.contains(&text.as_str()) {
            continue;
        }
        if labels.len() == MAX_LABELS {
            return Err(Failure::invalid(&format!("A task can have at most {MAX_LABELS} labels.")));
        }
        labels.push(text.as_str());
    }
    Ok(labels)
}

fn priority(level: u8) -> Result<Priority, Failure> {
    Priority::new(level).ok_or_else(|| Failure::invalid(&format!("`priority` is 0 (none) to 3 (high), not {level}.")))
}

fn date(text: &str) -> Result<Date, Failure> {
    Date::parse(text).map_err(|error| Failure::invalid(&format!("`due`: {error}")))
}

fn position(text: &str) -> Result<Position, Failure> {
    Position::parse(text).map_err(|error| Failure::invalid(&format!("`position`: {error}")))
}

fn task_id(field: &str, text: &str) -> Result<TaskId, Failure> {
    TaskId::parse(text).map_err(|error| Failure::invalid(&format!("`{field}`: {error}")))
}

pub(crate) fn section_id(field: &str, text: &str) -> Result<SectionId, Failure> {
    SectionId::parse(text).map_err(|error| Failure::invalid(&format!("`{field}`: {error}")))
}

fn device_id(field: &str, text: &str) -> Result<DeviceId, Failure> {
    DeviceId::parse(text).map_err(|error| Failure::invalid(&format!("`{field}`: {error}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_task_takes_more_bytes_than_is_said(
            texts in ["\\PC{0,20}", "[\\x00-\\x7f]{0,40}", "[\"\\\\\n]{0,9}"],
            labels in proptest::collection::vec("[\\x00-\\x7f]{0,8}", 0..5),
            digits in "([0-9a-f]{2}){0,63}80",
            is_full: bool,
        ) {
            let id = "7a1c9e2d-5b3f-4d8a-9c0e-1f2a3b4c5d6e".to_owned();
            let moment = format_timestamp(1_790_000_000_000);
            let [title, notes, assignee] = texts;
            let task = TaskDocument {
                id: id.clone(),
                title,
                notes,
                status: TaskStatus::Blocked,
                priority: 3,
                due: is_full.then(|| "2026-10-25".to_owned()),
                blocked_reason: assignee.clone(),
                assignee,
                labels,
                position: digits,
                parent: is_full.then(|| id.clone()),
                section: is_full.then_some(id),
                created_at: moment.clone(),
                updated_at: moment,
                deleted: !is_full,
                comments: 12,
                #[cfg(feature = "next")]
                estimate: 1,
            };
            // With the comma behind it.
            let bytes = serde_json::to_vec(&task).unwrap().len() + 1;
            prop_assert!(bytes <= json_len(&task) && json_len(&task) < bytes + 200, "{bytes} {}", json_len(&task));
        }
    }
}
