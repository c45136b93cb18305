use super::TaskId;
use super::uuid_text::random_id;

random_id! {
    /// A comment's id: a UUID of version 4 that begins as that of its task does. So the comments on a task lie together
    /// wherever they are kept in the order of their ids.
    CommentId
}

impl CommentId {
    /// Bytes that a comment's id and its task's have in common.
    const COMMON: usize = 8;

    /// Makes an id of a comment on a task; of the random bytes the last ones give way.
    pub fn on(task: TaskId, mut random: [u8; 16]) -> Self {
        random.rotate_right(Self::COMMON);
        Self::from_random_bytes(Self::common(task, random))
    }

    /// What it has in common with the id of its task.
    pub(crate) fn task_part(self) -> [u8; Self::COMMON] {
        self.as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// Whether a comment of this id can be on the task.
    pub fn is_on(self, task: TaskId) -> bool {
        Self::common(task, *self.as_bytes()) == *self.as_bytes()
    }

    /// The bytes of an id with those that they have in common with a task's.
    pub(crate) fn common(task: TaskId, mut bytes: [u8; 16]) -> [u8; 16] {
        bytes.iter_mut().zip(task.as_bytes()).take(Self::COMMON).for_each(|(to, from)| *to = *from);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_on_which_task_it_can_be() {
        let (task, other) = (TaskId::from_random_bytes([1; 16]), TaskId::from_random_bytes([2; 16]));
        let id = CommentId::on(task, [9; 16]);
        assert!(id.is_on(task) && !id.is_on(other));
        assert_ne!(id, CommentId::on(task, [8; 16]));
        assert_eq!(CommentId::from_bytes(*id.as_bytes()), Ok(id));
    }
}
