use leptos::html;
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use litemap::LiteMap;
use partyline_core::api::{TaskDocument, TaskPatch, TaskStatus};
use partyline_core::id::TaskId;

use super::comment_list::Comments;
use super::copy_task_link::CopyTaskLink;
use super::icon::Icon;
use super::live::{live, maybe, rows};
use super::markdown;
use super::modal::{Modal, ModalHandle};
use super::subtask_editor::{PartOf, Subtasks};
use crate::day::Day;
use crate::model::app::App;
use crate::model::day_words::DayNames;
use crate::model::drafts::Draft;
use crate::model::field::{FIELDS, Field, FieldError, PRIORITIES, STATUSES, one_line};
use crate::model::room::Room;
use crate::platform;
use crate::text;

/// The edits of a task's details that are not saved yet.
///
/// A field shows the task's value, also when that changes elsewhere, until the person touches it. From then on it shows
/// what the person made of it, until that is saved. Only touched fields are ever written.
///
/// What was typed and not saved when the page went away is there again, as text being typed. Where somebody changed the
/// field meanwhile, the person decides.
#[derive(Clone, Copy)]
struct Editor {
    app: App,
    room: Room,
    id: TaskId,
    task: RwSignal<TaskDocument>,
    drafts: RwSignal<LiteMap<Field, String>>,
    problems: RwSignal<LiteMap<Field, Problem>>,
    /// Texts on their way to the service worker.
    sending: StoredValue<LiteMap<Field, String>>,
}

/// Why a field is not saved.
#[derive(Clone, PartialEq)]
struct Problem {
    words: String,
    way: Way,
}

/// What a person can do about it, besides typing something else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Nothing.
    Type,
    /// The same again.
    Retry,
    /// Save it or give it up: it was typed before somebody else changed the field. Closing does neither.
    Choose,
}

impl Editor {
    fn shown(self, field: Field) -> String {
        self.drafts.with(|drafts| drafts.get(&field).cloned()).unwrap_or_else(|| self.words(field))
    }

    /// The task's value as people write it.
    fn words(self, field: Field) -> String {
        let text = self.task.with(|task| field.text(task));
        let day = Day::parse(&text).filter(|_| field == Field::Due);
        day.map_or(text, |day| platform::spoken_day(day, self.app.today.get()))
    }

    /// The day that was typed and is not saved yet.
    fn typed_day(self) -> Option<Day> {
        self.drafts.with(|drafts| self.day_of(drafts.get(&Field::Due)?))
    }

    fn day_of(self, text: &str) -> Option<Day> {
        DayNames::of_browser().day(text, self.app.day(), platform::fold)
    }

    /// Brings back what was typed when the page went away.
    fn restore(self) {
        for field in FIELDS.iter().copied() {
            let Some(typed) = self.draft(field).typed() else { continue };
            if self.patch(field, &typed.text) == Ok(None) {
                self.draft(field).drop();
                continue;
            }
            if self.is_outdated(field) {
                self.let_choose(field);
            }
            self.drafts.update(|drafts| drop(drafts.insert(field, typed.text)));
        }
    }

    fn value(self, field: Field) -> String {
        self.task.with_untracked(|task| field.text(task))
    }

    fn patch(self, field: Field, text: &str) -> Result<Option<TaskPatch>, FieldError> {
        // What is on its way is what the task is about to be.
        let sent = self.sending.with_value(|sending| sending.get(&field).cloned());
        let now = sent.map_or_else(|| self.value(field), |sent| self.meant(field, sent));
        field.patch(&self.meant(field, text.to_owned()), &now)
    }

    /// What a field's text stands for.
    fn meant(self, field: Field, text: String) -> String {
        let day = (field == Field::Due).then(|| self.day_of(&text)).flatten();
        day.map_or(text, |day| day.to_string())
    }

    /// Whether somebody changed the field since the person began to type there.
    fn is_outdated(self, field: Field) -> bool {
        self.draft(field).typed().is_some_and(|typed| typed.is_over_another(&self.value(field)))
    }

    fn let_choose(self, field: Field) {
        self.tell(field, text::changed_meanwhile(&untrack(|| self.words(field))), Way::Choose);
    }

    fn tell(self, field: Field, words: String, way: Way) {
        let _ = self.problems.try_update(|problems| problems.insert(field, Problem { words, way }));
    }

    fn draft(self, field: Field) -> Draft {
        Draft::of_field(self.room.id, self.id, field)
    }

    fn write(self, field: Field, text: String) {
        self.draft(field).keep(&text, &self.value(field));
        self.drafts.update(|drafts| drop(drafts.insert(field, text)));
    }

    /// Saves a field if it was touched.
    fn save(self, field: Field) {
        let Some(draft) = self.drafts.with_untracked(|drafts| drafts.get(&field).cloned()) else { return };
        if self.sending.with_value(|sending| sending.get(&field) == Some(&draft)) {
            return;
        }
        match self.patch(field, &draft) {
            Err(error) => self.tell(field, error.to_string(), Way::Type),
            Ok(None) => self.settled(field, &draft),
            // Asked when the dialog is closed: a question that comes with that very click would go unseen.
            Ok(Some(_)) if self.is_outdated(field) => {}
            Ok(Some(patch)) => {
                self.sending.update_value(|sending| drop(sending.insert(field, draft.clone())));
                spawn_local(self.send(field, draft, patch));
            }
        }
    }

    async fn send(self, field: Field, draft: String, patch: TaskPatch) {
        let (room, id) = (self.room, self.id);
        let result = room.edit(id, patch.clone()).await;
        // The dialog may be closed by now; then nothing of it is left to be told.
        let open = self.sending.try_update_value(|sending| {
            if sending.get(&field) == Some(&draft) {
                sending.remove(&field);
            }
        });
        match (result, open) {
            (Ok(_), Some(())) => self.settled(field, &draft),
            (Ok(_), None) => forget(room, id, field, &draft),
            (Err(error), Some(())) => self.tell(field, text::not_saved(&error), Way::Retry),
            (Err(error), None) => room.edit_failed(id, patch, &error),
        }
    }

    /// A draft is the task's value now, unless it was edited further meanwhile.
    fn settled(self, field: Field, draft: &str) {
        forget(self.room, self.id, field, draft);
        let _ = self.drafts.try_update(|drafts| {
            if drafts.get(&field).is_some_and(|now| now == draft) {
                drafts.remove(&field);
            }
        });
        let _ = self.problems.try_update(|problems| problems.remove(&field));
    }

    /// Saves what was typed, whatever somebody else wrote there.
    fn save_mine(self, field: Field) {
        let draft = self.drafts.with_untracked(|drafts| drafts.get(&field).cloned()).unwrap_or_default();
        self.draft(field).keep_over(&draft, &self.value(field));
        self.save(field);
    }

    /// Gives up what was typed.
    fn give_up(self, field: Field) {
        self.draft(field).drop();
        self.drafts.update(|drafts| drop(drafts.remove(&field)));
        self.problems.update(|problems| drop(problems.remove(&field)));
    }

    fn way(self, field: Field) -> Option<Way> {
        self.problems.with_untracked(|problems| problems.get(&field).map(|problem| problem.way))
    }

    /// Saves what is not saved yet, in one write that outlives the dialog. `false` when a field cannot be what it says.
    fn finish(self) -> bool {
        let mut patch = TaskPatch::default();
        let mut written = Vec::new();
        for (field, draft) in self.drafts.get_untracked() {
            let is_sent = self.sending.with_value(|sending| sending.get(&field) == Some(&draft));
            if is_sent || self.way(field) == Some(Way::Choose) {
                continue;
            }
            match self.patch(field, &draft) {
                Ok(None) => forget(self.room, self.id, field, &draft),
                Ok(Some(_)) if self.is_outdated(field) => {
                    self.let_choose(field);
                    return false;
                }
                Ok(Some(part)) => {
                    patch.merge(part);
                    written.push((field, draft));
                }
                Err(error) => {
                    self.tell(field, error.to_string(), Way::Type);
                    return false;
                }
            }
        }
        if patch != TaskPatch::default() {
            let (room, id) = (self.room, self.id);
            spawn_local(async move {
                match room.edit(id, patch.clone()).await {
                    Ok(_) => written.iter().for_each(|(field, draft)| forget(room, id, *field, draft)),
                    Err(error) => room.edit_failed(id, patch, &error),
                }
            });
        }
        true
    }
}

/// Forgets what was typed in a field, now that it is saved. What was typed further is typed over that.
fn forget(room: Room, id: TaskId, field: Field, text: &str) {
    let draft = Draft::of_field(room.id, id, field);
    let Some(typed) = draft.typed() else { return };
    let value = room.task(id).filter(|_| typed.text != text).map(|task| task.with_untracked(|task| field.text(task)));
    match value {
        Some(value) => draft.keep_over(&typed.text, &value),
        None => draft.drop(),
    }
}

/// A task's details.
#[component]
pub(crate) fn TaskDialog(
    /// In which room.
    room: Room,
    /// Which task.
    id: TaskId,
    /// Its signal.
    task: ArcRwSignal<TaskDocument>,
    /// How they are closed.
    handle: ModalHandle,
) -> impl IntoView {
    let editor = Editor {
        app: expect_context::<App>(),
        room,
        id,
        task: RwSignal::from(task),
        drafts: RwSignal::new(LiteMap::new()),
        problems: RwSignal::new(LiteMap::new()),
        sending: StoredValue::new(LiteMap::new()),
    };
    editor.restore();
    let handle = handle.guarded(move || {
        let may_close = editor.finish();
        if !may_close {
            spawn_local(async {
                tick().await;
                platform::focus(".task-modal [aria-invalid=true]");
            });
        }
        may_close
    });
    let deleted = Memo::new(move |_| editor.task.with(|task| task.deleted));
    let is_blocked = Memo::new(move |_| editor.task.with(|task| task.status == TaskStatus::Blocked));
    let bring_back = move |_| room.edit_later(id, TaskPatch { deleted: Some(false), ..TaskPatch::default() });
    let delete = move |_| {
        room.delete(id);
        handle.close();
    };
    view! {
        <Modal handle=handle title="Task" class="task-modal" light=true>
            <div class="modal-body">
                {maybe(move || deleted.get().then(|| view! {
                    <p class="problem" role="alert">
                        "This task was deleted. A change brings it back."
                        <button type="button" on:click=bring_back>"Bring it back"</button>
                    </p>
                }))}
                <Lines editor=editor field=Field::Title label="Title" />
                <PartOf room=room id=id handle=handle />
                <Subtasks room=room id=id handle=handle />
                {next_version(editor)}
                <div class="field-row">
                    <Choice editor=editor field=Field::Status label="Status" choices=statuses() />
                    <Choice editor=editor field=Field::Priority label="Priority" choices=PRIORITIES.to_vec() />
                </div>
                {maybe(move || is_blocked.get().then(|| view! {
                    <TextField
                        editor=editor
                        field=Field::BlockedReason
                        label=text::WHY_BLOCKED
                        placeholder=text::WHY_BLOCKED_EXAMPLE
                    />
                }))}
                <Due editor=editor />
                <Assignee editor=editor />
                <Labels editor=editor />
                <Notes editor=editor />
                <Comments room=room id=id task=editor.task />
                <CopyTaskLink room=room id=id />
            </div>
            <footer class="modal-foot">
                <button
                    type="button"
                    class="danger start"
                    aria-label=live(move || editor.task.with(|task| text::delete(&task.title)))
                    on:click=delete
                >
                    "Delete"
                </button>
                <button type="button" class="primary" on:click=move |_| handle.close()>"Done"</button>
            </footer>
        </Modal>
    }
}

/// What a version without the feature `next` has of it.
#[cfg(not(feature = "next"))]
fn next_version(_: Editor) {}

/// What only the next version shows.
#[cfg(feature = "next")]
fn next_version(editor: Editor) -> impl IntoView {
    view! {
        <TextField editor=editor field=Field::Estimate label="Estimate" />
        <super::sign_offs::SignOffs room=editor.room id=editor.id />
    }
}

fn statuses() -> Vec<(&'static str, &'static str)> {
    STATUSES.iter().map(|(value, _, words)| (*value, *words)).collect()
}

#[component]
fn TextField(
    /// Whose field.
    editor: Editor,
    /// Which one.
    field: Field,
    /// Its name.
    label: &'static str,
    /// What stands in it while it is empty.
    #[prop(optional)]
    placeholder: &'static str,
) -> impl IntoView {
    // Ids have no spaces.
    let (id, problem_id) = (format!("field-{}", field.name()), format!("problem-{}", field.name()));
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input
                id=id
                type="text"
                autocomplete="off"
                placeholder=placeholder
                aria-invalid=live(move || invalid(editor, field))
                aria-describedby=problem_id.clone()
                prop:value=live(move || editor.shown(field))
                on:input=move |event| editor.write(field, event_target_value(&event))
                on:change=move |_| editor.save(field)
            />
            <FieldProblem editor=editor field=field id=problem_id />
        </div>
    }
}

/// A field that shows all of its text. In the title Enter saves; it is one line, however long.
#[component]
fn Lines(
    /// Whose field.
    editor: Editor,
    /// Which one.
    field: Field,
    /// Its name.
    label: &'static str,
) -> impl IntoView {
    let is_title = field == Field::Title;
    // For browsers in which a field does not grow with what is in it.
    let rows = move || if is_title { (1 + editor.shown(field).len() / 36).min(6) } else { 4 };
    view! {
        <div class="field">
            <label for=format!("field-{label}")>{label}</label>
            <textarea
                id=format!("field-{label}")
                rows=live(move || rows().to_string())
                aria-invalid=live(move || invalid(editor, field))
                aria-describedby=format!("problem-{label}")
                prop:value=live(move || editor.shown(field))
                on:input=move |event| editor.write(field, event_target_value(&event))
                on:change=move |_| editor.save(field)
                on:keydown=move |event| {
                    if is_title && event.key() == "Enter" && !event.is_composing() {
                        event.prevent_default();
                        editor.save(field);
                    }
                }
            ></textarea>
            <FieldProblem editor=editor field=field id=format!("problem-{label}") />
        </div>
    }
}

/// Notes, as they are meant. Tapping them, or coming there by the keyboard, makes them the field in which they are written,
/// which they are from the beginning where there are none, or something is being typed. It stays until the details are
/// closed: nothing is to move away under a finger that leaves it.
#[component]
fn Notes(
    /// Whose notes.
    editor: Editor,
) -> impl IntoView {
    let is_touched = RwSignal::new(false);
    let is_shown = Memo::new(move |_| {
        !is_touched.get()
            && !editor.drafts.with(|drafts| drafts.contains_key(&Field::Notes))
            && !editor.problems.with(|problems| problems.contains_key(&Field::Notes))
            && !editor.shown(Field::Notes).trim().is_empty()
    });
    let text = move || is_shown.get().then(|| editor.shown(Field::Notes));
    view! {
        <div class="notes-field" class:rendered=live(move || is_shown.get()) on:focusin=move |event| {
            if event_target::<web_sys::Element>(&event).matches("textarea") == Ok(true) {
                is_touched.set(true);
            }
        }>
            <Lines editor=editor field=Field::Notes label="Notes" />
            {markdown::shown("notes", Box::new(text))}
        </div>
    }
}

#[component]
fn Choice(
    /// Whose field.
    editor: Editor,
    /// Which one.
    field: Field,
    /// Its name.
    label: &'static str,
    /// Values and the words for them.
    choices: Vec<(&'static str, &'static str)>,
) -> impl IntoView {
    let problem_id = format!("problem-{label}");
    let options: Vec<_> = choices
        .into_iter()
        .map(|(value, words)| {
            view! { <option value=value prop:selected=live(move || editor.shown(field) == value)>{words}</option> }
        })
        .collect();
    view! {
        <div class="field">
            <label for=format!("field-{label}")>{label}</label>
            <select
                id=format!("field-{label}")
                aria-describedby=problem_id.clone()
                on:change=move |event| {
                    editor.write(field, event_target_value(&event));
                    editor.save(field);
                }
            >
                {options}
            </select>
            <FieldProblem editor=editor field=field id=problem_id />
        </div>
    }
}

#[component]
fn Due(
    /// Whose field.
    editor: Editor,
) -> impl IntoView {
    let picker = NodeRef::<html::Input>::new();
    let set = move |text: String| {
        editor.write(Field::Due, text);
        editor.save(Field::Due);
    };
    let pick = move |_| {
        if let Some(picker) = picker.get_untracked() {
            picker.set_value(&editor.value(Field::Due));
            // A browser without this method leaves the text field, which does the same.
            let _ = picker.show_picker();
        }
    };
    view! {
        <div class="field">
            <label for="field-Due">"Due"</label>
            <div class="with-buttons">
                <input
                    id="field-Due"
                    type="text"
                    autocomplete="off"
                    placeholder=text::DAY_EXAMPLES
                    data-day=live(move || editor.task.with(|task| Field::Due.text(task)))
                    aria-invalid=live(move || invalid(editor, Field::Due))
                    aria-describedby="problem-Due"
                    prop:value=live(move || editor.shown(Field::Due))
                    on:input=move |event| editor.write(Field::Due, event_target_value(&event))
                    on:change=move |_| editor.save(Field::Due)
                />
                <span class="picker">
                    <input
                        type="date"
                        tabindex="-1"
                        aria-hidden="true"
                        node_ref=picker
                        on:change=move |event| set(event_target_value(&event))
                    />
                    <button type="button" class="round" aria-label="Pick a day" on:click=pick>
                        {Icon::Calendar.draw()}
                    </button>
                </span>
            </div>
            <div class="quick">
                {day_button("Today", set, move || editor.app.day().to_string())}
                {day_button("Tomorrow", set, move || editor.app.day().plus(1).to_string())}
                {day_button(text::NEXT_WEEK, set, move || editor.app.day().next_week().to_string())}
                {maybe(move || (!editor.shown(Field::Due).is_empty()).then(|| day_button(text::NO_DAY, set, String::new)))}
            </div>
            <p class="hint day-typed" aria-live="polite">
                {live(move || editor.typed_day().map(|day| platform::spoken_day(day, editor.app.today.get())))}
            </p>
            <FieldProblem editor=editor field=Field::Due id="problem-Due".to_owned() />
        </div>
    }
}

/// A day that is chosen by one tap.
fn day_button(
    words: &'static str,
    set: impl Fn(String) + Send + 'static,
    day: impl Fn() -> String + Send + 'static,
) -> AnyView {
    button(words, Box::new(move || set(day())))
}

#[component]
fn Assignee(
    /// Whose field.
    editor: Editor,
) -> impl IntoView {
    // Known names are buttons and not a <datalist>: with one, the field would no longer be a plain text box.
    let known = move || {
        let shown = editor.shown(Field::Assignee);
        editor.room.assignees().into_iter().filter(|name| *name != shown).take(6).collect::<Vec<_>>()
    };
    view! {
        <TextField editor=editor field=Field::Assignee label="Assignee" placeholder="Nobody yet" />
        {maybe(move || {
            let known = known();
            (!known.is_empty()).then(|| view! {
                <div class="quick" role="group" aria-label="Known people">
                    {known.into_iter().map(|name| {
                        let chosen = name.clone();
                        view! {
                            <button
                                type="button"
                                on:click=move |_| {
                                    editor.write(Field::Assignee, chosen.clone());
                                    editor.save(Field::Assignee);
                                }
                            >
                                {name}
                            </button>
                        }
                    }).collect::<Vec<_>>()}
                </div>
            })
        })}
    }
}

#[component]
fn Labels(
    /// Of which task.
    editor: Editor,
) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    let draft = StoredValue::new(Draft::of_label(editor.room.id, editor.id));
    let typed = draft.with_value(Draft::typed).map(|typed| typed.text);
    let problem = RwSignal::new(None::<String>);
    let labels = Memo::new(move |_| editor.task.with(|task| task.labels.clone()));
    // Only what was clicked: of labels that came meanwhile nothing is known here.
    let put = move |patch: TaskPatch, added: Option<String>| {
        spawn_local(async move {
            match editor.room.edit(editor.id, patch.clone()).await {
                Ok(_) => {
                    let _ = problem.try_set(None);
                    let Some(added) = added else { return };
                    Draft::of_label(editor.room.id, editor.id).drop_line(&added);
                    if let Some(field) = field.try_get_untracked().flatten()
                        && one_line(&field.value()) == added
                    {
                        field.set_value("");
                    }
                }
                Err(error) => {
                    if problem.try_set(Some(text::not_saved(&error))).is_some() {
                        editor.room.edit_failed(editor.id, patch, &error);
                    }
                }
            }
        });
    };
    let add = move || {
        let Some(label) = field.get_untracked().map(|field| one_line(&field.value())) else { return };
        if label.is_empty() || labels.with_untracked(|labels| labels.contains(&label)) {
            if let Some(field) = field.get_untracked() {
                field.set_value("");
            }
            return draft.with_value(Draft::drop);
        }
        put(TaskPatch { add_labels: Some(vec![label.clone()]), ..TaskPatch::default() }, Some(label));
    };
    let known = move || {
        let labels = labels.get();
        editor.room.labels().into_iter().filter(|label| !labels.contains(label)).take(6).collect::<Vec<_>>()
    };
    let remove = move |label: &str| {
        put(TaskPatch { remove_labels: Some(vec![label.to_owned()]), ..TaskPatch::default() }, None);
        if let Some(field) = field.get_untracked() {
            let _ = field.focus();
        }
    };
    view! {
        <div class="field">
            <label for="field-Label">"Add a label"</label>
            <div class="labels">
                {rows(
                    move || labels.get(),
                    Clone::clone,
                    move |label| {
                        let removed = label.clone();
                        view! {
                            <span class="label-chip">
                                {label.clone()}
                                <button
                                    type="button"
                                    class="quiet round"
                                    aria-label=format!("Remove label {label}")
                                    on:click=move |_| remove(&removed)
                                >
                                    {Icon::Close.draw()}
                                </button>
                            </span>
                        }
                    },
                )}
                <input
                    id="field-Label"
                    type="text"
                    autocomplete="off"
                    node_ref=field
                    aria-describedby="problem-Label"
                    prop:value=typed
                    on:input=move |event| draft.with_value(|draft| draft.keep(&event_target_value(&event), ""))
                    on:keydown=move |event| {
                        if event.key() == "Enter" && !event.is_composing() {
                            event.prevent_default();
                            add();
                        }
                    }
                    on:change=move |_| add()
                />
            </div>
            {maybe(move || {
                let known = known();
                (!known.is_empty()).then(|| view! {
                    <div class="quick" role="group" aria-label="Known labels">
                        {known.into_iter().map(|label| {
                            let chosen = label.clone();
                            let put_on = move |_| {
                                put(TaskPatch { add_labels: Some(vec![chosen.clone()]), ..TaskPatch::default() }, None);
                            };
                            view! { <button type="button" on:click=put_on>{label}</button> }
                        }).collect::<Vec<_>>()}
                    </div>
                })
            })}
            <p id="problem-Label" class="problem" role="alert">{live(move || problem.get())}</p>
        </div>
    }
}

#[component]
fn FieldProblem(
    /// Whose field.
    editor: Editor,
    /// Which one.
    field: Field,
    /// The id that the field's control refers to.
    id: String,
) -> impl IntoView {
    let problem = Memo::new(move |_| editor.problems.with(|problems| problems.get(&field).cloned()));
    view! {
        <p id=id class="problem" role="alert">
            {maybe(move || problem.get().map(|problem| view! {
                {problem.words}
                {match problem.way {
                    Way::Type => ().into_any(),
                    Way::Retry => button(text::RETRY, Box::new(move || editor.save(field))),
                    Way::Choose => view! {
                        {button(text::SAVE_MINE, Box::new(move || editor.save_mine(field)))}
                        {button(text::DISCARD_MINE, Box::new(move || editor.give_up(field)))}
                    }
                    .into_any(),
                }}
            }))}
        </p>
    }
}

fn button(words: &'static str, act: Box<dyn Fn() + Send>) -> AnyView {
    view! { <button type="button" on:click=move |_| act()>{words}</button> }.into_any()
}

fn invalid(editor: Editor, field: Field) -> String {
    editor.problems.with(|problems| problems.contains_key(&field)).to_string()
}
