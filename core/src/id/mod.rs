//! Identifiers, secrets and addresses, and their text forms.
