//! The Python face of whom a result is about.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sluice_kernel::masks::{self, ColumnMask, Seen};

#[pyclass]
#[derive(Default)]
pub struct Subjects(masks::Subjects);

#[pymethods]
impl Subjects {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn told<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.told())
    }
}

/// Lends what was gathered to the run at hand.
pub fn lent<'py>(
    subjects: Option<PyRefMut<'py, Subjects>>,
    plan: &[Option<ColumnMask>],
    seen: &mut Seen,
) -> Option<PyRefMut<'py, Subjects>> {
    subjects.map(|mut subjects| {
        seen.subjects = std::mem::take(&mut subjects.0);
        seen.subjects.enter(plan);
        subjects
    })
}

/// Takes it back, whatever became of the run.
pub fn given_back(subjects: Option<PyRefMut<'_, Subjects>>, seen: &mut Seen) {
    if let Some(mut subjects) = subjects {
        subjects.0 = std::mem::take(&mut seen.subjects);
    }
}

#[pyfunction]
#[pyo3(signature = (value, key, /))]
pub fn subject_hash(value: &[u8], key: [u8; 16]) -> u64 {
    masks::subject_hash(value, &key)
}
