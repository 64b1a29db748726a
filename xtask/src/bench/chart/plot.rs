//! Draws lines, marks and whiskers between two axes.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::look::{BACK, GRID, INK, QUIET, clipped, look, text};

pub(super) const WIDTH: u32 = 480;
/// Of the part below the title and the legend.
const HEIGHT: u32 = 280;
/// The same of one of several below each other.
const FLAT: u32 = 180;
/// Of a line of text.
const LINE: i32 = 22;
const MARGIN: i32 = 10;
pub(super) const FONT: u32 = 18;

/// Everything between two axes.
pub(super) struct Plot {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
    /// A height to compare with.
    pub(super) level: Option<f64>,
}

/// A series.
#[derive(Default)]
pub(super) struct Line {
    pub(super) label: String,
    pub(super) path: Vec<(f64, f64)>,
    /// Where the path goes on into the unknown.
    pub(super) beyond: Vec<(f64, f64)>,
    pub(super) marks: Vec<Mark>,
}

/// Something that was measured.
pub(super) struct Mark {
    pub(super) at: (f64, f64),
    /// The lowest and the highest of several.
    pub(super) whisker: Option<(f64, f64)>,
}

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

impl Plot {
    /// The drawing and its height, without the names of its lines.
    pub(super) fn draw_without_legend(&self) -> anyhow::Result<(u32, String)> {
        let head = MARGIN + LINE;
        let height = FLAT + head as u32;
        let svg = picture(height, |area| {
            let style = text(FONT, &QUIET, Pos::default());
            area.draw_text(&self.y.title, &style, (MARGIN, MARGIN))?;
            self.body(&area.margin(head, 0, 0, 0))
        })?;
        Ok((height, svg))
    }

    /// The drawing.
    pub(super) fn draw(&self) -> anyhow::Result<String> {
        let places = self.places();
        let head = places.last().map_or(0, |(_, y)| y + LINE) + MARGIN;
        picture(HEIGHT + head as u32, |area| {
            area.draw_text(
                &self.y.title,
                &text(FONT, &QUIET, Pos::default()),
                (MARGIN, MARGIN),
            )?;
            for ((index, line), place) in self.lines.iter().enumerate().zip(places) {
                legend(area, index, &line.label, place)?;
            }
            self.body(&area.margin(head, 0, 0, 0))
        })
    }

    /// Where the entries of the legend begin: as many in a row as have room.
    fn places(&self) -> Vec<(i32, i32)> {
        let (mut x, mut y) = (MARGIN, MARGIN + LINE);
        let mut places = Vec::new();
        for line in &self.lines {
            let width = 26 + 8 * clipped(&line.label).chars().count() as i32 + 14;
            if x > MARGIN && x + width > WIDTH as i32 {
                (x, y) = (MARGIN, y + LINE);
            }
            places.push((x, y));
            x += width;
        }
        places
    }

    fn body(&self, area: &Area) -> anyhow::Result<()> {
        let longest = self
            .y
            .ticks
            .iter()
            .map(|(_, text)| text.chars().count())
            .max();
        let mut chart = ChartBuilder::on(area)
            .margin_right(18)
            .margin_top(4)
            .margin_bottom(6)
            .x_label_area_size(50)
            .y_label_area_size(20 + 9 * longest.unwrap_or(0) as u32)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(QUIET)
            .label_style(text(FONT, &INK, Pos::default()))
            .axis_desc_style(text(FONT, &QUIET, Pos::default()))
            .x_labels(self.x.ticks.len())
            .y_labels(self.y.ticks.len())
            .x_desc(&self.x.title)
            .draw()?;

        if let Some(level) = self.level {
            let ends = [(self.x.range.start, level), (self.x.range.end, level)];
            chart.draw_series(DashedLineSeries::new(ends, 3, 4, QUIET.stroke_width(1)))?;
        }
        for (index, line) in self.lines.iter().enumerate() {
            let look = look(index);
            let thick = look.color.stroke_width(2);
            chart.draw_series(LineSeries::new(line.path.iter().copied(), thick))?;
            let beyond = line.beyond.iter().copied();
            if !line.beyond.is_empty() {
                chart.draw_series(DashedLineSeries::new(beyond, 5, 5, thick))?;
            }
            for mark in &line.marks {
                let (x, y) = mark.at;
                if let Some((low, high)) = mark.whisker {
                    let bar =
                        ErrorBar::new_vertical(x, low, y, high, look.color.stroke_width(1), 9);
                    chart.draw_series([bar])?;
                }
                let outline = Polygon::new(look.mark(), look.color.filled());
                chart.draw_series([EmptyElement::at((x, y)) + outline])?;
            }
        }
        Ok(())
    }
}

fn legend(area: &Area, index: usize, label: &str, (x, y): (i32, i32)) -> anyhow::Result<()> {
    let look = look(index);
    let middle = y + 8;
    let dash = vec![(x, middle), (x + 20, middle)];
    area.draw(&PathElement::new(dash, look.color.stroke_width(2)))?;
    let outline = look
        .mark()
        .into_iter()
        .map(|(dx, dy)| (x + 10 + dx, middle + dy));
    area.draw(&Polygon::new(
        outline.collect::<Vec<_>>(),
        look.color.filled(),
    ))?;
    let place = Pos::new(HPos::Left, VPos::Center);
    area.draw_text(&clipped(label), &text(FONT, &INK, place), (x + 26, middle))?;
    Ok(())
}

/// An SVG file of this height, on which `draw` has drawn.
pub(super) fn picture(
    height: u32,
    draw: impl FnOnce(&Area) -> anyhow::Result<()>,
) -> anyhow::Result<String> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
    area.fill(&BACK)?;
    draw(&area)?;
    area.present()?;
    drop(area);
    Ok(svg)
}
