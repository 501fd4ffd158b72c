//! Tables of figures, and the notes that some of them should keep.

/// A table being filled, printed when it is done.
pub(crate) struct Table {
    title: String,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl Table {
    /// A table with these columns. The first holds names, the others figures.
    pub(crate) fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let head = columns.iter().map(ToString::to_string).collect();
        Self { title: title.into(), rows: vec![head], notes: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, name: &str, figures: impl IntoIterator<Item = String>) {
        self.rows.push([name.to_owned()].into_iter().chain(figures).collect());
    }

    /// Notes something beneath the table.
    pub(crate) fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }

    /// Notes beneath the table whether a figure is at most what it should be.
    pub(crate) fn at_most(&mut self, what: &str, figure: f64, bound: f64) {
        self.notes.push(judgement(what, figure, "at most", bound, figure <= bound));
    }

    /// Notes beneath the table whether a figure is at least what it should be.
    pub(crate) fn at_least(&mut self, what: &str, figure: f64, bound: f64) {
        self.notes.push(judgement(what, figure, "at least", bound, figure >= bound));
    }

    /// Prints it.
    pub(crate) fn print(&self) {
        println!("\n{}\n", self.title);
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).enumerate();
            let line: Vec<String> = cells
                .map(
                    |(column, (cell, width))| {
                        if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                    },
                )
                .collect();
            println!("  {}", line.join("  ").trim_end());
        }
        if !self.notes.is_empty() {
            println!();
        }
        for note in &self.notes {
            println!("  {note}");
        }
    }
}

fn judgement(what: &str, figure: f64, direction: &str, bound: f64, is_kept: bool) -> String {
    let verdict = if is_kept { "yes" } else { "NO" };
    format!("{what}: {}, wanted {direction} {bound}: {verdict}", number(figure))
}

/// A figure with about three digits, and its thousands set apart.
pub(crate) fn number(figure: f64) -> String {
    if figure.is_nan() {
        return "–".to_owned();
    }
    if figure < 10.0 {
        return format!("{figure:.2}");
    }
    if figure < 1000.0 {
        return format!("{figure:.1}");
    }
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The middle one; of an even number the mean of the two in the middle.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => f64::NAN,
        count if count % 2 == 0 => f64::midpoint(figures[middle - 1], figures[middle]),
        _ => figures[middle],
    }
}
