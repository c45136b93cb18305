use leptos::prelude::*;

use crate::model::network::ask_for_local_network;
use crate::text;

/// What is wrong in words, and a button where it takes one.
pub(crate) fn warning(words: String) -> impl IntoView {
    let is_to_be_allowed = words == text::LOCAL_NETWORK_GUARDED;
    view! {
        {words}
        {is_to_be_allowed.then(|| view! {
            " "
            <button type="button" on:click=move |_| ask_for_local_network()>{text::FIND_IN_NETWORK}</button>
        })}
    }
}
