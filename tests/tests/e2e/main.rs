//! The whole of Partyline in real browsers, against a real workerd.
//!
//! Run by `cargo xtask test`. A module is a behaviour, a test is a play: Alice, Bob and Carol are people with a browser
//! each. Tests run one after another: two browsers that talk to each other keep a small machine busy, and the order is
//! always the same. One behaviour alone: `cargo xtask test --only e2e --filter sharing`.

mod apart;
mod backups;
mod beside;
mod boundary;
mod bulk;
mod by_hand;
mod calendar;
mod clocks;
mod comments;
mod crew;
mod diagnostics;
mod drafts;
mod drops;
mod every_room;
mod finding;
mod first_contact;
mod hands;
mod kills;
mod local_network;
mod long_list;
mod network;
mod notes;
mod own_order;
mod peers;
mod phone_book_gone;
mod quick_add;
mod redial;
mod rooms;
mod screens;
mod secret;
mod sections;
mod share;
mod sharing;
mod soak;
mod storage;
mod subtasks;
mod tabs;
mod task_links;
mod truth;
mod undo;
mod versions;
mod visit;

use std::future::Future;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use libtest_mimic::{Arguments, Failed, Trial};
use partyline_tests::BrowserKind::{Chromium, Firefox};
use partyline_tests::{BrowserKind, Lab, Network, Play, Programme, Tools};
use tokio::runtime::Runtime;

/// When a test is given up. Far more than any needs: what takes long has deadlines of its own.
const GIVE_UP: Duration = Duration::from_secs(240);

/// How many of the longest tests are told.
const LONGEST: usize = 20;

/// How many tests play at the same time, if the command line says nothing. They wait most of the time, but for what other
/// processes do: more of them would keep each other from being in time on a small machine.
const AT_ONCE: usize = 2;

/// The two browsers of a test: whose room it is, and who joins.
type Pair = (BrowserKind, BrowserKind);

/// Each kind makes rooms and joins them, and each meets the other.
const PAIRS: [(Pair, &str); 3] = [
    ((Chromium, Chromium), "chromium_and_chromium"),
    ((Chromium, Firefox), "chromium_and_firefox"),
    ((Firefox, Chromium), "firefox_and_chromium"),
];

const BOTH: [(BrowserKind, &str); 2] = [(Chromium, "chromium"), (Firefox, "firefox")];

fn main() -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let theatre = Arc::new(Theatre {
        took: Mutex::default(),
        runtime: Runtime::new()?,
        play: Tools::from_env().map(|tools| Play::new(Arc::new(Lab::new(tools)))),
    });
    let programme = programme(&theatre);
    tell_what_is_not_run(&programme, &arguments)?;
    let conclusion = libtest_mimic::run(&arguments, programme.into_trials());
    if let Ok(play) = &theatre.play {
        theatre.runtime.block_on(play.close());
    }
    theatre.tell_what_took_longest();
    Ok(conclusion.exit_code())
}

/// What is left out where every Chromium refuses changed credentials, and why: names of tests, or how they begin.
const REFUSED: [(&str, &str); 28] = [
    ("backups::two_copies_alone_find_each_other", UNLISTED),
    ("crew::two_callers_at_once", UNLISTED),
    ("drops::closed_tab_is_not_listed", UNLISTED),
    ("drops::lost_listings_keep_nobody_out", UNLISTED),
    ("drops::stale_listing_does_not_keep_others_away", UNLISTED),
    ("drops::false_listings_keep_nobody_apart", UNLISTED),
    ("secret::wrong_secret_gets_nothing", UNLISTED),
    ("redial::next_tab_calls::chromium", ANOTHER_PAGE),
    ("tabs::second_tab_and_handover::chromium", ANOTHER_PAGE),
    ("tabs::a_crashed_tab_is_replaced", ANOTHER_PAGE),
    ("tabs::a_frozen_tab_is_replaced", ANOTHER_PAGE),
    ("tabs::a_thawed_tab_reads_anew", ANOTHER_PAGE),
    ("peers::a_device_that_does_not_answer", ANOTHER_PAGE),
    ("soak::a_crew_at_random_loses_nothing", IN_VAIN),
    ("network::two_homes_with_a_nat_each", IN_VAIN),
    ("versions::what_the_next_one_writes_passes_through", "a code leads to the origin of whoever made it"),
    ("versions::a_newer_format_is_refused_in_words", UNLISTED),
    ("truth::", "what is said there is of the phone book, or of connections that it leads to"),
    ("versions::an_old_page_beside_a_new_one", "a code leads to the origin of whoever made it"),
    ("rooms::all_on_another_device", A_CODE_EACH),
    ("rooms::named_on_another_device_at_once", A_CODE_EACH),
    ("every_room::twenty_rooms", A_CODE_EACH),
    ("bulk::", "the page is too busy with the list to show a code in time"),
    ("by_hand::a_browser_that_refuses", "by_hand::two_codes_connect is the same then"),
    (
        "storage::a_blocked_opening_holds_nobody_up",
        "who cannot read where the others were finds them in the phone book",
    ),
    ("local_network::whoever_allows_it_is_connected", UNLISTED),
    ("local_network::the_button_has_the_browser_ask", UNLISTED),
    ("local_network::others_call_who_is_not_allowed_to", UNLISTED),
];
const UNLISTED: &str = "such a browser is not in the phone book";
const IN_VAIN: &str = "after two calls in vain such a browser needs a code again";
const A_CODE_EACH: &str = "such a browser needs a code in each of the rooms";
const ANOTHER_PAGE: &str = "the credentials of another page of such a browser are known to nobody, so it needs a code";

/// Every test.
fn programme(theatre: &Arc<Theatre>) -> Programme {
    let mut programme = Programme::default();
    let mut add = |trial: Trial| programme.add(trial);
    for (kind, name) in BOTH {
        add(theatre.trial(&format!("visit::first_visit_needs_no_reload::{name}"), move |play| visit::first(play, kind)));
        add(theatre.trial(&format!("boundary::no_foreign_page_is_answered::{name}"), move |play| {
            boundary::foreign(play, kind)
        }));
        add(theatre.trial(&format!("boundary::no_document_is_answered::{name}"), move |play| boundary::own(play, kind)));
    }
    for (pair, name) in PAIRS {
        add(theatre.trial(&format!("sharing::edits_go_both_ways::{name}"), move |play| sharing::both_ways(play, pair)));
        add(theatre
            .trial(&format!("phone_book_gone::edits_go_on::{name}"), move |play| phone_book_gone::edits(play, pair)));
        add(theatre.trial(&format!("rooms::all_on_another_device::{name}"), move |play| {
            rooms::all_on_another_device(play, pair)
        }));
        add(theatre.trial(&format!("every_room::edits_arrive::{name}"), move |play| {
            every_room::edits_arrive_in_a_room_that_is_not_on_show(play, pair)
        }));
        add(theatre
            .trial(&format!("peers::one_browser_answers_the_other::{name}"), move |play| peers::answered(play, pair)));
        add(theatre.trial(&format!("apart::ten_edits_each_converge::{name}"), move |play| apart::converge(play, pair)));
    }
    for (pair, name) in PAIRS.into_iter().chain([((Firefox, Firefox), "firefox_and_firefox")]) {
        add(theatre.trial(&format!("redial::reloaded_page_is_back::{name}"), move |play| redial::reload(play, pair)));
    }
    for (pair, name) in PAIRS.into_iter().take(2).chain([((Firefox, Firefox), "firefox_and_firefox")]) {
        add(theatre.trial(&format!("drops::false_listings_keep_nobody_apart::{name}"), move |play| {
            drops::false_listings(play, pair)
        }));
    }
    for (pair, name) in PAIRS.into_iter().skip(1) {
        add(theatre.trial(&format!("rooms::named_on_another_device_at_once::{name}"), move |play| {
            rooms::named_at_once(play, pair)
        }));
        add(theatre.trial(&format!("versions::what_the_next_one_writes_passes_through::{name}"), move |play| {
            versions::passed_through(play, pair)
        }));
        add(theatre.trial(&format!("versions::a_newer_format_is_refused_in_words::{name}"), move |play| {
            versions::refused(play, pair)
        }));
    }
    for (kind, name) in BOTH {
        add(theatre.trial(&format!("versions::what_a_test_version_kept_can_be_saved::{name}"), move |play| {
            versions::saved(play, kind)
        }));
        add(theatre.trial(&format!("versions::an_old_page_beside_a_new_one::{name}"), move |play| {
            versions::side_by_side(play, kind)
        }));
        add(theatre.trial(&format!("redial::killed_browser_is_back::{name}"), move |play| redial::killed(play, kind)));
        add(theatre.trial(&format!("redial::next_tab_calls::{name}"), move |play| redial::next_tab(play, kind)));
        add(theatre.trial(&format!("tabs::second_tab_and_handover::{name}"), move |play| tabs::handover(play, kind)));
        add(theatre.trial(&format!("backups::a_profile_that_is_put_back_loses_nothing::{name}"), move |play| {
            backups::restored(play, kind)
        }));
        add(theatre
            .trial(&format!("backups::a_profile_that_is_copied::{name}"), move |play| backups::copied(play, kind)));
        add(theatre.trial(&format!("backups::two_copies_alone_find_each_other::{name}"), move |play| {
            backups::copied_alone(play, kind)
        }));
        add(theatre.trial(&format!("backups::two_that_are_put_back_lose_nothing::{name}"), move |play| {
            backups::both_restored(play, kind)
        }));
        add(theatre.trial(&format!("drops::killed_browser_is_noticed_and_returns::{name}"), move |play| {
            drops::noticed(play, kind)
        }));
        add(theatre
            .trial(&format!("drops::lost_listings_keep_nobody_out::{name}"), move |play| drops::evicted(play, kind)));
        add(theatre
            .trial(&format!("kills::what_was_acknowledged_is_there::{name}"), move |play| kills::short(play, kind)));
        add(theatre.trial(&format!("first_contact::links_are_found_in_pasted_text::{name}"), move |play| {
            first_contact::pasted(play, kind)
        }));
        add(theatre.trial(&format!("first_contact::links_are_found_in_the_address::{name}"), move |play| {
            first_contact::opened(play, kind)
        }));
        add(theatre.trial(&format!("first_contact::a_link_without_its_hash_on_a_first_visit::{name}"), move |play| {
            first_contact::opened_first(play, kind)
        }));
        add(theatre.trial(&format!("first_contact::codes_are_found_in_pasted_text::{name}"), move |play| {
            first_contact::code(play, kind)
        }));
        add(theatre.trial(&format!("drafts::what_is_typed_survives_a_reload::{name}"), move |play| {
            drafts::reloaded(play, kind)
        }));
        add(theatre.trial(&format!("drafts::what_others_wrote_meanwhile_stays::{name}"), move |play| {
            drafts::changed_meanwhile(play, kind)
        }));
        add(theatre
            .trial(&format!("drafts::what_is_typed_survives_a_kill::{name}"), move |play| drafts::killed(play, kind)));
        add(theatre
            .trial(&format!("long_list::any_part_can_be_seen::{name}"), move |play| long_list::scrolled(play, kind)));
        add(theatre.trial(&format!("long_list::rows_follow_when_cursors_are_refused::{name}"), move |play| {
            long_list::refused(play, kind)
        }));
        add(theatre
            .trial(&format!("clocks::one_is_ahead_and_put_right::{name}"), move |play| clocks::ahead(play, kind)));
        add(theatre
            .trial(&format!("clocks::one_is_at_1970_and_put_right::{name}"), move |play| clocks::behind(play, kind)));
        add(theatre.trial(&format!("truth::nobody_is_there::{name}"), move |play| truth::alone(play, kind)));
        add(theatre.trial(&format!("truth::a_browser_without_webrtc::{name}"), move |play| truth::without(play, kind)));
        add(theatre.trial(&format!("truth::connections_without_an_address::{name}"), move |play| {
            truth::no_address(play, kind)
        }));
        add(theatre
            .trial(&format!("truth::a_setting_that_hides_addresses::{name}"), move |play| truth::setting(play, kind)));
        add(theatre
            .trial(&format!("truth::no_place_in_the_phone_book::{name}"), move |play| truth::not_listed(play, kind)));
        add(theatre
            .trial(&format!("truth::somebody_out_of_reach::{name}"), move |play| truth::out_of_reach(play, kind)));
        add(theatre.trial(&format!("truth::a_full_disk::{name}"), move |play| truth::no_space(play, kind)));
        add(theatre.trial(&format!("truth::a_failing_disk::{name}"), move |play| truth::not_kept(play, kind)));
        add(theatre
            .trial(&format!("truth::changes_of_another_kind::{name}"), move |play| truth::not_understood(play, kind)));
        add(theatre.trial(&format!("truth::a_peer_that_hands_nothing_over::{name}"), move |play| {
            truth::not_handed_over(play, kind)
        }));
        add(theatre.trial(&format!("truth::a_damaged_disk::{name}"), move |play| truth::damaged(play, kind)));
        add(theatre
            .trial(&format!("storage::a_dead_connection_is_replaced::{name}"), move |play| storage::dead(play, kind)));
        add(theatre.trial(&format!("storage::a_blocked_opening_holds_nobody_up::{name}"), move |play| {
            storage::blocked(play, kind)
        }));
        add(theatre.trial(&format!("visit::advice_is_for_the_browser_and_its_version::{name}"), move |play| {
            visit::unable(play, kind)
        }));
        add(theatre.trial(&format!("visit::a_version_that_is_being_installed_is_offered::{name}"), move |play| {
            visit::installing(play, kind)
        }));
        add(theatre.trial(&format!("visit::offline_cold_start::{name}"), move |play| visit::cold_start(play, kind)));
        add(theatre.trial(&format!("visit::hard_reload_recovers::{name}"), move |play| visit::hard_reload(play, kind)));
        add(theatre.trial(&format!("visit::a_dialog_waits_for_its_code::{name}"), move |play| {
            visit::before_the_rest(play, kind)
        }));
        add(theatre.trial(&format!("visit::code_called_too_early_is_loaded::{name}"), move |play| {
            visit::called_too_early(play, kind)
        }));
    }
    for (pair, name) in PAIRS.into_iter().chain([((Firefox, Firefox), "firefox_and_firefox")]) {
        add(theatre.trial(&format!("by_hand::two_codes_connect::{name}"), move |play| by_hand::connect(play, pair)));
    }
    add(theatre.trial("by_hand::wrong_codes_are_explained", by_hand::wrong_codes));
    add(theatre.trial("by_hand::every_tab_will_do", by_hand::tabs));
    add(theatre.trial("by_hand::the_camera_reads_both_codes", by_hand::camera));
    add(theatre.trial("by_hand::without_a_camera_there_is_pasting", by_hand::no_camera));
    add(theatre.trial("by_hand::a_browser_that_refuses_changed_credentials_connects", by_hand::refusing));
    add(theatre.trial("calendar::both_sides_of_the_date_line_mean_one_day", calendar::date_line));
    add(theatre.trial("calendar::a_day_of_23_or_25_hours_is_one_day", calendar::clock_change));
    add(theatre.trial("calendar::today_is_where_and_when_the_person_is", calendar::travel));
    add(theatre.trial("crew::third_joins", crew::third));
    add(theatre.trial("crew::two_callers_at_once", crew::two_callers));
    add(theatre.trial("crew::everybody_is_introduced_to_everybody", crew::introductions));
    let missing = Network::missing().map(|why| format!("there can be no network lab here: {why}"));
    let two_homes = theatre.trial("network::two_homes_with_a_nat_each", network::two_homes);
    let stun = theatre.trial("network::by_code_with_a_stun_server", network::stun);
    let bulk = theatre.trial("bulk::a_long_list_goes_over_a_bad_line", bulk::over_a_bad_line);
    let asked = theatre.trial("local_network::whoever_allows_it_is_connected", local_network::asked);
    let prompted = theatre.trial("local_network::the_button_has_the_browser_ask", local_network::prompted);
    let denied = theatre.trial("local_network::others_call_who_is_not_allowed_to", local_network::called);
    let codes = theatre.trial("local_network::codes_work_with_one_side_allowed", local_network::by_code);
    for trial in [two_homes, stun, bulk, asked, prompted, denied, codes] {
        programme.add_unless(missing.clone(), trial);
    }
    let mut add = |trial: Trial| programme.add(trial);
    add(theatre.trial("drafts::what_is_typed_survives_freezing_and_discarding", drafts::discarded));
    add(theatre.trial("tabs::a_crashed_tab_is_replaced", tabs::crash));
    add(theatre.trial("tabs::a_frozen_tab_is_replaced", tabs::freeze));
    add(theatre.trial("tabs::a_thawed_tab_reads_anew", tabs::thaw));
    add(theatre.trial("tabs::a_thawed_tab_finishes_what_was_begun", tabs::finish));
    add(theatre.trial("soak::a_crew_at_random_loses_nothing", soak::short));
    add(theatre.trial("peers::a_device_that_does_not_answer", peers::silent));
    add(theatre.trial("diagnostics::report_tells_nothing_private", diagnostics::report));
    add(theatre.trial("share::link_is_copied_and_handed_to_the_system", share::copied_and_sent));
    add(theatre.trial("share::page_without_a_network_says_so", share::offline));
    add(theatre.trial("every_room::twenty_rooms", every_room::twenty_rooms));
    add(theatre.trial("rooms::several_renamed_and_left", rooms::several));
    add(theatre.trial("rooms::bad_links_are_explained", rooms::bad_links));
    add(theatre.trial("drops::closed_tab_is_not_listed", drops::withdrawn));
    add(theatre.trial("drops::stale_listing_does_not_keep_others_away", drops::stale));
    add(theatre.trial("secret::wrong_secret_gets_nothing", secret::wrong));
    add(theatre.trial("secret::server_never_sees_link_or_tasks", secret::unseen));
    add(theatre.trial("visit::stopped_service_worker_comes_back", visit::stopped));
    add(theatre.trial("visit::update_waits_to_be_asked_for", visit::update));
    add(theatre.trial("visit::new_headers_reach_those_who_have_the_app", visit::headers_alone));
    add(theatre.trial("visit::browser_without_service_workers_is_told", visit::no_service_workers));
    add(theatre.trial("visit::browser_that_refuses_changed_credentials_is_told", visit::refusal));
    add(theatre.trial("screens::every_screen_looks_and_reads_well", screens::all));
    add(theatre.trial("screens::a_busy_room_looks_and_reads_well", screens::busy));
    add(theatre.trial("hands::look_and_read_well", hands::looks));
    add(theatre.trial("hands::a_finger_swipes_rests_scrolls_and_drags", hands::touched));
    add(theatre.trial("beside::looks_and_reads_well", beside::looks));
    add(theatre.trial("quick_add::looks_and_reads_well", quick_add::looks));
    add(theatre.trial("subtasks::look_and_read_well", subtasks::looks));
    add(theatre.trial("sections::look_and_read_well", sections::looks));
    add(theatre.trial("finding::looks_and_reads_well", finding::looks));
    add(theatre.trial("notes::look_and_read_well", notes::looks));
    add(theatre.trial("comments::look_and_read_well", comments::looks));
    add(theatre.trial("undo::looks_and_reads_well", undo::looks));
    for (pair, name) in PAIRS {
        add(theatre
            .trial(&format!("beside::one_task_after_the_other::{name}"), move |play| beside::both_ways(play, pair)));
        add(theatre.trial(&format!("task_links::lead_there::{name}"), move |play| task_links::lead_there(play, pair)));
        add(theatre.trial(&format!("notes::are_shown_and_written::{name}"), move |play| notes::shown(play, pair)));
        add(theatre.trial(&format!("comments::go_both_ways::{name}"), move |play| comments::both_ways(play, pair)));
        add(theatre.trial(&format!("undo::goes_step_by_step::{name}"), move |play| undo::step_by_step(play, pair)));
        add(theatre.trial(&format!("undo::trash_gives_back::{name}"), move |play| undo::trash(play, pair)));
        add(theatre.trial(&format!("undo::what_others_changed_stays::{name}"), move |play| {
            undo::what_others_changed_stays(play, pair)
        }));
        add(theatre.trial(&format!("own_order::moves_go_both_ways::{name}"), move |play| own_order::moved(play, pair)));
        add(theatre.trial(&format!("sections::go_both_ways::{name}"), move |play| sections::both_ways(play, pair)));
        add(theatre
            .trial(&format!("sections::what_is_done_apart_is_kept::{name}"), move |play| sections::apart(play, pair)));
        add(theatre
            .trial(&format!("hands::chosen_tasks_change_together::{name}"), move |play| hands::together(play, pair)));
        add(theatre.trial(&format!("quick_add::goes_both_ways::{name}"), move |play| quick_add::both_ways(play, pair)));
        add(theatre.trial(&format!("subtasks::go_both_ways::{name}"), move |play| subtasks::both_ways(play, pair)));
        add(theatre
            .trial(&format!("subtasks::what_is_done_apart_is_kept::{name}"), move |play| subtasks::apart(play, pair)));
        add(theatre
            .trial(&format!("own_order::pasted_lines_are_tasks::{name}"), move |play| own_order::pasted(play, pair)));
        add(theatre.trial(&format!("own_order::what_fits_is_found::{name}"), move |play| own_order::found(play, pair)));
        add(theatre.trial(&format!("own_order::the_view_is_steady::{name}"), move |play| own_order::steady(play, pair)));
    }
    for (kind, name) in BOTH {
        add(theatre
            .trial(&format!("beside::a_window_changes_its_size::{name}"), move |play| beside::resized(play, kind)));
        add(theatre.trial(&format!("beside::the_view_is_steady::{name}"), move |play| beside::steady(play, kind)));
        add(theatre.trial(&format!("hands::a_palette_finds_all::{name}"), move |play| hands::palette(play, kind)));
        add(theatre.trial(&format!("finding::all_rooms_are_searched::{name}"), move |play| finding::rooms(play, kind)));
        add(theatre.trial(&format!("finding::filters_are_kept::{name}"), move |play| finding::kept(play, kind)));
        add(theatre
            .trial(&format!("own_order::a_device_remembers_it::{name}"), move |play| own_order::shown(play, kind)));
    }
    for (kind, name) in BOTH {
        add(theatre.trial(&format!("sections::a_task_is_copied::{name}"), move |play| sections::copies(play, kind)));
    }
    for (kind, name) in BOTH {
        add(theatre.trial(&format!("screens::names_are_as_promised::{name}"), move |play| screens::names(play, kind)));
    }
    if theatre.play.as_ref().is_ok_and(|play| play.tools().refusing) {
        for (names, why) in REFUSED {
            programme.leave_out(names, why);
        }
    }
    programme
}

/// Says which tests that were asked for are not run, and why: here, and in the file from which `cargo xtask test` says so
/// once more at the very end.
fn tell_what_is_not_run(programme: &Programme, arguments: &Arguments) -> Result<()> {
    let left_out = programme.left_out(arguments);
    let left_out: Vec<String> = left_out.iter().map(|(name, why)| format!("left out: {name}: {why}\n")).collect();
    eprint!("{}", left_out.concat());
    let Some(path) = std::env::var_os("PARTYLINE_NOT_RUN") else { return Ok(()) };
    let skipped = programme.skipped(arguments);
    let skipped: Vec<String> = skipped.iter().map(|name| format!("skipped: {name}\n")).collect();
    std::fs::write(&path, [left_out, skipped].concat().concat())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// What all tests share.
struct Theatre {
    /// How long each test took that is over.
    took: Mutex<Vec<(Duration, String)>>,
    runtime: Runtime,
    play: Result<Play>,
}

impl Theatre {
    /// Where the time went, for whoever wants to have it back.
    fn tell_what_took_longest(&self) {
        let Ok(mut took) = self.took.lock() else { return };
        took.sort_unstable_by(|one, other| other.cmp(one));
        let longest: Vec<String> =
            took.iter().take(LONGEST).map(|(time, name)| format!("{:4} s  {name}\n", time.as_secs())).collect();
        eprint!("\nlongest tests\n{}", longest.concat());
    }

    fn trial<F, P>(self: &Arc<Self>, name: &str, body: F) -> Trial
    where
        F: FnOnce(Play) -> P + Send + 'static,
        P: Future<Output = Result<()>>,
    {
        let theatre = Arc::clone(self);
        let title = name.to_owned();
        Trial::test(name, move || {
            let play = theatre.play.as_ref().map_err(|error| Failed::from(format!("{error:#}")))?.for_test(&title);
            let begin = Instant::now();
            let played = theatre.runtime.block_on(async {
                let outcome = tokio::time::timeout(GIVE_UP, body(play.clone())).await;
                play.end(outcome.unwrap_or_else(|_| Err(anyhow!("not over after {} s", GIVE_UP.as_secs())))).await
            });
            theatre.took.lock().map_err(|_| "a test panicked")?.push((begin.elapsed(), title));
            played.map_err(|error| {
                // The causes and not where they passed by: with them goes what every browser showed.
                let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
                Failed::from(causes.join("\nbecause: "))
            })
        })
    }
}
