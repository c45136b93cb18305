use super::uuid_text::random_id;

random_id! {
    /// A section's id: a UUID of version 4.
    SectionId
}
