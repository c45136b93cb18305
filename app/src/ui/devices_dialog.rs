use leptos::prelude::*;
use leptos::task::spawn_local;

use super::live::{live, maybe, rows};
use super::modal::{Modal, ModalHandle};
use super::warning::warning;
use crate::day::Day;
use crate::model::app::App;
use crate::model::connection::{advice, off};
use crate::model::field::one_line;
use crate::model::network::{follow_holdings, stun_servers, use_stun_servers};
use crate::model::report::report as make_report;
use crate::model::room::Room;
use crate::model::trouble::troubles;
use crate::platform;
use crate::text;

/// One line of the list of devices.
struct Line {
    name: String,
    state: String,
    connected: bool,
    id: String,
}

/// Who is connected, and what this device is called.
#[component]
pub(crate) fn DevicesDialog(
    /// In which room.
    room: Room,
) -> impl IntoView {
    let app = expect_context::<App>();
    let own = move || room.membership.with(|own| own.as_ref().map(|own| own.device.to_string()));
    let own_name = Memo::new(move |_| room.device_name(&own()?));
    let draft = RwSignal::new(None::<String>);
    let failure = RwSignal::new(None::<String>);
    let save = move || {
        let Some(name) = draft.get_untracked().map(|draft| one_line(&draft)) else { return };
        if name.is_empty() || Some(&name) == own_name.get_untracked().as_ref() {
            draft.set(None);
            return;
        }
        spawn_local(async move {
            match app.name_device(room, name.clone()).await {
                Ok(()) => {
                    let _ = draft.try_set(None);
                    let _ = failure.try_set(None);
                }
                // Closed meanwhile, the failure has to be told elsewhere.
                Err(error) => {
                    if failure.try_set(Some(text::not_saved(&error))).is_some() {
                        app.notices.fail(text::not_saved(&error), None);
                    }
                }
            }
        });
    };
    let handle = ModalHandle::new().guarded(move || {
        save();
        true
    });
    let holdings = follow_holdings(room);
    let report = RwSignal::new(String::new());
    let copied = RwSignal::new("");
    spawn_local(async move {
        let text = make_report(room).await;
        let _ = report.try_set(text);
    });
    let copy = move |_| {
        spawn_local(async move {
            let done = platform::copy(&report.get_untracked()).await;
            let _ = copied.try_set(if done { "Copied" } else { text::NOT_COPIED });
        });
    };
    // The list stays as it is while its items are counted down.
    let waits = Memo::new(move |_| room.waiting() > 0);
    let lines = move || {
        let own = own();
        let away = room.seen();
        let name = |id: &str| text::device_name(room.device_name(id));
        let mut lines: Vec<Line> = Vec::new();
        let mut connected = |id: String, state: String| {
            if lines.iter().all(|line| line.id != id) {
                lines.push(Line { name: name(&id), state, connected: true, id });
            }
        };
        room.status.with(|status| {
            for peer in &status.peers {
                let since = platform::time_of_day(peer.since_ms);
                let way = if peer.by_code { "by code" } else { "directly" };
                let id = peer.device.to_string();
                let has =
                    holdings.with(|known| known.iter().find(|(device, _)| *device == id).map(|(_, has)| has.clone()));
                let has = has.map(|has| format!(". {has}")).unwrap_or_default();
                connected(id, format!("Connected {way} since {since}{has}"));
            }
            for (device, via) in &status.through {
                connected(device.to_string(), format!("Connected through {}", name(&via.to_string())));
            }
        });
        for device in room.devices.get().unwrap_or_default().devices {
            if Some(&device.id) != own.as_ref() && lines.iter().all(|line| line.id != device.id) {
                lines.push(Line {
                    name: text::device_name(Some(device.name)),
                    state: last_seen(away.of(&device.id), app.today.get()),
                    connected: false,
                    id: device.id,
                });
            }
        }
        lines
    };
    view! {
        <Modal handle=handle title="Devices" class="devices-modal" light=true>
            <div class="modal-body">
                <p class="muted">{live(move || room.connection())}</p>
                <p>{live(move || room.status.with(advice).unwrap_or_default().to_owned())}</p>
                // An alert in the room behind the dialog has told them.
                {rows(move || troubles(room), Clone::clone, |words| view! { <p>{warning(words)}</p> })}
                <label class="field">
                    <span>"Device name"</span>
                    <input
                        type="text"
                        autocomplete="off"
                        aria-describedby="device-name-hint"
                        prop:value=live(move || draft.get().or_else(|| own_name.get()).unwrap_or_default())
                        on:input=move |event| draft.set(Some(event_target_value(&event)))
                        on:change=move |_| save()
                    />
                </label>
                <p id="device-name-hint" class="hint">"What the others see when this device is connected."</p>
                {maybe(move || failure.get().map(|failure| view! {
                    <p class="problem" role="alert">
                        {failure}
                        <button type="button" on:click=move |_| save()>{text::RETRY}</button>
                    </p>
                }))}
                <h3>"Other devices"</h3>
                {maybe(move || lines().is_empty().then(|| view! {
                    <p class="muted">"None has been here yet. Share the room link, and open it on another device."</p>
                }))}
                <ul class="devices" role="list" aria-label="Other devices">
                    {rows(
                        lines,
                        |line| format!("{}\n{}\n{}", line.connected, line.state, line.name),
                        |line| view! {
                            <li class:connected=line.connected>
                                <span class="dot" aria-hidden="true"></span>
                                <span>{line.name}</span>
                                <span class="muted">{line.state}</span>
                            </li>
                        },
                    )}
                </ul>
                <p class="hint">
                    "Devices exchange tasks directly, whenever a page of the room is open on both. A change reaches a device through any other one that it meets."
                </p>
                {maybe(move || waits.get().then(|| view! { <Waiting room=room /> }))}
                <h3>"Connection problems?"</h3>
                <p class="hint">
                    "For somebody who helps: how this device is connected, without any address, name, task or secret."
                </p>
                <p class="report" tabindex="0" role="region" aria-label="Diagnostics">{live(move || report.get())}</p>
                <label class="field">
                    <span>"STUN servers"</span>
                    <input
                        type="text"
                        autocomplete="off"
                        autocapitalize="none"
                        spellcheck="false"
                        placeholder="None"
                        aria-describedby="stun-hint"
                        prop:value=stun_servers()
                        on:change=move |event| {
                            let used = use_stun_servers(&event_target_value(&event));
                            copied.set(if used { "" } else { text::STUN_MALFORMED });
                        }
                    />
                </label>
                <p id="stun-hint" class="hint">{text::STUN_EXPLAINED}</p>
                <p class="said" role="status">{live(move || copied.get())}</p>
                <button type="button" on:click=copy>"Copy report"</button>
            </div>
        </Modal>
    }
}

/// Changes that are dated too far ahead, and what is to become of them.
#[component]
fn Waiting(
    /// In which room.
    room: Room,
) -> impl IntoView {
    let rest = Memo::new(move |_| (room.waiting() as usize).saturating_sub(room.held().len()));
    view! {
        <h3>"Waiting changes"</h3>
        <p class="hint">{text::WAITING_EXPLAINED}</p>
        <ul class="waiting" role="list" aria-label="Waiting changes">
            {rows(
                move || room.held(),
                |held| format!("{} {}", held.device, held.seq),
                move |held| {
                    let device = text::device_name(room.device_name(&held.device));
                    let title = match held.title.as_str() {
                        "" => "a name".to_owned(),
                        title => format!("“{title}”"),
                    };
                    let what = if held.fields.iter().any(|field| field == "deleted") { "Deletes" } else { "Changes" };
                    let when = off(i64::try_from(held.ahead_ms).unwrap_or(i64::MAX));
                    let words = format!("{what} {title}");
                    let button = |label: &'static str, is_wanted| {
                        let (held, name) = (held.clone(), format!("{label}: {words}"));
                        view! {
                            <button type="button" aria-label=name on:click=move |_| room.decide(held.clone(), is_wanted)>
                                {label}
                            </button>
                        }
                    };
                    view! {
                        <li>
                            <span>{words.clone()}</span>
                            <span class="muted">{format!("“{device}”, {when}")}</span>
                            {button("Use", true)}
                            {button("Discard", false)}
                        </li>
                    }
                },
            )}
        </ul>
        {maybe(move || (rest.get() > 0).then(|| view! {
            <p class="muted">{format!("And {} more.", rest.get())}</p>
        }))}
    }
}

/// Since when a device is away.
fn last_seen(then: Option<f64>, today: Day) -> String {
    let Some(then) = then else { return "Not connected".to_owned() };
    let day = platform::day_of(then);
    match day.days_after(today) {
        0 => format!("Last seen today {}", platform::time_of_day(then)),
        -1 => format!("Last seen yesterday {}", platform::time_of_day(then)),
        _ => format!("Last seen on {}", platform::spoken_day(day, today)),
    }
}
