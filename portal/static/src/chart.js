// The 24-hour chart. Values hold until the next one (a step), and a gap is drawn as a gap.
"use strict";

(() => {
  const box = document.getElementById("chart");
  if (!box) return;

  const HEIGHT = 260;
  const REFRESH_MS = 15000;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let plot = null;
  let data = null;
  let tag = "";

  const colour = (name) => getComputedStyle(box).getPropertyValue(name).trim();

  function hatch(ctx, left, top, width, height) {
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.strokeStyle = colour("--gap-dropped");
    ctx.lineWidth = 1.5 * devicePixelRatio;
    for (let x = left - height; x < left + width; x += 8 * devicePixelRatio) {
      ctx.beginPath();
      ctx.moveTo(x, top + height);
      ctx.lineTo(x + height, top);
      ctx.stroke();
    }
    ctx.restore();
  }

  function drawVoids(chart) {
    const { ctx, bbox } = chart;
    for (const gap of data.voids) {
      const left = Math.max(chart.valToPos(gap.from, "x", true), bbox.left);
      const right = Math.min(chart.valToPos(gap.to, "x", true), bbox.left + bbox.width);
      const width = Math.max(right - left, devicePixelRatio);
      ctx.fillStyle = colour("--gap-nothing");
      ctx.fillRect(left, bbox.top, width, bbox.height);
      if (gap.dropped) hatch(ctx, left, bbox.top, width, bbox.height);
    }
  }

  function format(value) {
    if (value === null || value === undefined) return "–";
    const digits = Math.min(data.decimals, 3);
    const text = value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    return data.unit ? `${text} ${data.unit}` : text;
  }

  function tip(chart) {
    const note = document.createElement("div");
    note.className = "tip";
    note.hidden = true;
    chart.over.append(note);
    return note;
  }

  function moveTip(chart, note) {
    const { idx, left } = chart.cursor;
    if (left < 0 || idx === null || idx === undefined) { note.hidden = true; return; }
    const at = chart.posToVal(left, "x");
    let index = idx;
    if (chart.data[0][index] > at) index -= 1; // a step: the value that stood at this moment
    const time = new Date(at * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: data.zone });
    const gap = data.voids.find((one) => one.from <= at && at < one.to);
    note.textContent = `${time}  ${gap && (index < 0 || chart.data[1][index] === null) ? gap.reason : format(index < 0 ? null : chart.data[1][index])}`;
    note.hidden = false;
    const room = chart.over.clientWidth - note.offsetWidth;
    note.style.left = `${Math.max(0, Math.min(left + 12, room))}px`;
  }

  // An axis as wide as its longest label: a counter's seven digits were cut off at the left.
  function roomFor(_chart, labels) {
    const longest = Math.max(0, ...(labels ?? []).map((label) => label.length));
    return Math.max(52, 16 + Math.ceil(7.4 * longest));
  }

  function options() {
    const ink = colour("--muted");
    const grid = { stroke: colour("--line"), width: 1 };
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: data.zone });
    let note = null;
    return {
      width: box.clientWidth,
      height: HEIGHT,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.zone),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { range: () => [data.from, data.to] }, y: { range: { min: { pad: 0.1, soft: 0, mode: data.counter ? 3 : 2 }, max: { pad: 0.1, soft: 0, mode: 2 } } } },
      axes: [
        { stroke: ink, grid, ticks: grid, font, space: 70, values: (_chart, splits) => splits.map((at) => hour.format(new Date(at * 1000))) },
        { stroke: ink, grid, ticks: { show: false }, font, size: roomFor, values: (_chart, splits) => splits.map((one) => one.toLocaleString("en")) },
      ],
      series: [
        {},
        { stroke: colour("--data"), width: 1.75, fill: data.counter ? undefined : `${colour("--data")}1a`, paths: uPlot.paths.stepped({ align: 1 }), spanGaps: false, points: { show: false } },
      ],
      hooks: {
        drawClear: [drawVoids],
        init: [(chart) => { note = tip(chart); }],
        setCursor: [(chart) => moveTip(chart, note)],
      },
    };
  }

  function draw() {
    plot?.destroy();
    box.replaceChildren();
    plot = new uPlot(options(), [data.at, data.value], box);
  }

  async function refresh() {
    if (document.hidden && data) return;
    const headers = { "X-Poll": "1" };
    if (tag) headers["If-None-Match"] = tag;
    let answer;
    try {
      answer = await fetch(box.dataset.src, { headers, cache: "no-store", redirect: "manual" });
    } catch {
      return; // the page's own polling says that the portal is away
    }
    if (answer.status !== 200) return;
    tag = answer.headers.get("ETag") ?? "";
    data = await answer.json();
    if (plot) plot.setData([data.at, data.value]);
    else draw();
    box.dataset.drawn = String(data.at.length);
  }

  function tellZone() {
    const note = document.getElementById("zone");
    const now = new Date();
    const there = now.toLocaleString("sv", { timeZone: note.dataset.zone });
    if (there.slice(0, 16) !== now.toLocaleString("sv").slice(0, 16)) {
      note.classList.add("differs");
      note.textContent += ` – ${note.dataset.differs}`;
    }
  }

  tellZone();
  refresh();
  setInterval(refresh, REFRESH_MS);
  dark.addEventListener("change", () => data && draw());
  new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: HEIGHT })).observe(box);
})();
