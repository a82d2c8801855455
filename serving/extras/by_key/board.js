// Asks for the board every few seconds and shows it; whatever is shown is text, never markup.
// Rows are kept by their key and the focus stays where it is, so a refresh disturbs nobody who reads or types.
"use strict";

const SECONDS = 5;
const place = (id) => document.getElementById(id);
const rows = place("rows"), details = place("details"), problem = place("problem"), key = place("api-key");
const known = new Map(); // the row of each flight
let flights = [], sort = "minute", chosen = null, timer = null;

function made(tag, text, name) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (name) element.className = name;
  return element;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const minutes = (age) => age < 120 ? `${age} min` : `${Math.floor(age / 60)} h ${age % 60} min`;
const arrival = (delay) => delay === null ? "" : delay > 0 ? `${delay} min late` : delay < 0 ? `${-delay} min early` : "on time";

async function ask(path) {
  const headers = key.value ? { Authorization: `Bearer ${key.value}` } : {};
  const response = await fetch(path, { headers });
  if (response.status === 401) place("keyed").hidden = false;
  const content = await response.json();
  if (!response.ok) throw new Error(`${content.title}: ${content.detail}`);
  return content;
}

async function refresh() {
  clearTimeout(timer);
  try {
    const board = await ask(`board/flights?period=${place("period").value}`);
    problem.hidden = true;
    flights = board.flights;
    place("clock").textContent = board.now || "No events yet";
    showFeeds(board);
    for (const name of ["origin", "carrier"]) showChoices(name);
    showFlights();
    if (chosen) await showDetails(chosen, false);
  } catch (error) {
    problem.textContent = error instanceof TypeError ? "The service does not answer. Is it still running?" : error.message;
    problem.hidden = false;
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, 1000 * SECONDS);
}

function showFeeds(board) {
  const stale = board.views_age === null || board.views_age >= board.stale_minutes;
  const views = board.views_age === null ? "no views yet: is make materialize running?" : `views: ${minutes(board.views_age)} old`;
  const items = board.feeds.map((feed) => made("li", `${feed.name}: ${feed.age === null ? "silent for a day" : `${minutes(feed.age)} old`}`));
  place("feeds").replaceChildren(made("li", stale && board.views_age !== null ? `${views}, too old to predict with` : views, stale ? "stale" : ""), ...items);
}

function showChoices(name) {
  const select = place(name), chosenValue = select.value;
  const values = [...new Set(flights.map((flight) => flight[name]).concat(chosenValue || []))].sort();
  const shown = [...select.options].slice(1).map((option) => option.value);
  if (values.join() === shown.join()) return;
  select.replaceChildren(select.options[0], ...values.map((value) => made("option", value)));
  select.value = chosenValue;
}

function showFlights() {
  const wanted = flights.filter((flight) => ["origin", "carrier"].every((name) => !place(name).value || flight[name] === place(name).value));
  if (sort === "risk") wanted.sort((one, other) => (other.risk ?? -1) - (one.risk ?? -1) || one.minute - other.minute);
  const focused = document.activeElement;
  const order = wanted.map((flight) => {
    if (!known.has(flight.flight_id)) known.set(flight.flight_id, newRow(flight.flight_id));
    const row = known.get(flight.flight_id);
    fill(row, flight);
    return row;
  });
  if (order.length !== rows.children.length || order.some((row, at) => rows.children[at] !== row)) rows.replaceChildren(...order);
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  const alerts = wanted.filter((flight) => flight.alert).length;
  place("count").textContent = `${wanted.length} flights, ${alerts} with an alert`;
}

function newRow(name) {
  const row = document.createElement("tr");
  for (let at = 0; at < 7; at += 1) row.append(document.createElement("td"));
  row.cells[1].append(document.createElement("button"));
  row.cells[1].firstChild.type = "button";
  row.addEventListener("click", () => showDetails(name, true));
  return row;
}

function fill(row, flight) {
  row.className = flight.alert ? "alert" : "";
  row.setAttribute("aria-current", flight.flight_id === chosen);
  row.cells[0].textContent = flight.departs;
  row.cells[1].firstChild.textContent = `${flight.carrier} ${flight.flight}`;
  row.cells[2].textContent = flight.origin;
  row.cells[3].textContent = flight.dest;
  row.cells[6].textContent = arrival(flight.arrival_delay);
  if (flight.risk === null) {
    row.cells[4].replaceChildren(made("span", flight.due ? `asked at ${flight.due}` : "", "soft"));
  } else {
    const meter = document.createElement("meter");
    Object.assign(meter, { max: 1, low: flight.threshold, high: flight.threshold, optimum: 0, value: flight.risk });
    meter.setAttribute("aria-hidden", "true");
    row.cells[4].replaceChildren(percent(flight.risk), meter);
  }
  row.cells[5].replaceChildren(...(flight.alert ? [made("span", "Alert", "badge")] : []));
  if (flight.age > 0) row.cells[5].append(made("span", ` inputs ${minutes(flight.age)} old`, "urgent"));
}

async function showDetails(name, move) {
  const before = chosen;
  chosen = name;
  for (const [each, row] of known) row.setAttribute("aria-current", each === name);
  try {
    const flight = await ask(`board/flight?key=${encodeURIComponent(name)}`);
    if (chosen !== name) return; // another one was chosen meanwhile
    const scrolled = before === name ? details.scrollTop : 0;
    details.replaceChildren(...about(flight));
    details.scrollTop = scrolled;
  } catch (error) {
    details.replaceChildren(made("p", error.message, "urgent"));
  }
  if (move) details.focus({ preventScroll: false });
}

function about(flight) {
  const { prediction, outcome } = flight;
  const parts = [made("h2", `${flight.carrier} ${flight.flight} ${flight.origin} – ${flight.dest}, ${flight.departs}`)];
  if (prediction) {
    parts.push(made("div", percent(prediction.probability), "probability"));
    parts.push(made("p", `${prediction.alert ? "Alert" : "No alert"}: it begins at ${percent(prediction.threshold)}`, prediction.alert ? "urgent" : "good"));
    parts.push(made("p", `Answered by the ${prediction.served_by}, version ${prediction.model_version}; why: run`, "soft"));
    parts.push(made("code", `make explain ID=${prediction.request_id}`), ...aboutContributions(flight.contributions));
  } else {
    parts.push(made("p", `No prediction was asked for yet. It is due at ${flight.due}.`, "soft"));
  }
  parts.push(made("h3", "Outcome"), made("p", outcome ? `Arrived: ${arrival(outcome.value)}` : "Not known yet"));
  if (flight.views.length) parts.push(made("h3", `Views as of ${flight.tick}`), ...aboutViews(flight.views));
  if (flight.inputs.length) parts.push(made("h3", "Inputs, the unusual ones first"), aboutInputs(flight.inputs));
  else parts.push(made("p", "Its inputs are in no recent tick.", "soft"));
  return parts;
}

function aboutContributions({ problem, base, strongest, others, total }) {
  if (problem) return [made("p", `Contributions are not shown: ${problem}`, "urgent")];
  if (!strongest) return [];
  const signed = (added) => `${added < 0 ? "\u2212" : "+"}${Math.abs(added).toFixed(3)}`;
  const shown = (each) => `${each.meaning}: ${rounded(each.value)} ${each.value === null ? "" : each.unit}`.trim();
  const bars = strongest.map((each) => [false, shown(each), signed(each.added)]);
  const lines = [[false, "No feature known", signed(base)], ...bars, [false, `${others[0]} others together`, signed(others[1])], [false, "Log-odds of the answer", signed(total)]];
  const contributions = table(["feature", "log-odds"], lines);
  contributions.id = "contributions";
  strongest.forEach((each, at) => {
    const bar = made("span", "", each.added < 0 ? "bar lower" : "bar"), width = 50 * Math.abs(each.added) / Math.abs(strongest[0].added || 1);
    Object.assign(bar.style, { width: `${width}%`, marginLeft: `${each.added < 0 ? 50 - width : 50}%` });
    bar.setAttribute("aria-hidden", "true");
    contributions.tBodies[0].rows[at + 1].cells[0].append(bar);
  });
  return [made("h3", "Contributions, the strongest first"), contributions];
}

function aboutViews(views) {
  const age = (view) => view.age_minutes === null ? "–" : minutes(view.age_minutes);
  if (views.every((view) => view.state === "found")) return [made("p", `All ${views.length} found, ${age(views[0])} old`)];
  return [table(["view", "state", "age"], views.map((view) => [view.state !== "found", view.name, view.state, age(view)]))];
}

function aboutInputs(inputs) {
  const lines = inputs.map((input) => [input.unusual, input.meaning, `${rounded(input.value)} ${input.value === null ? "" : input.unit}`,
    input.low === null ? "" : `${rounded(input.low)} to ${rounded(input.high)}`]);
  return table(["input", "value", "nine in ten flights"], lines.sort((one, other) => other[0] - one[0]));
}

const rounded = (value) => value === null ? "missing" : typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value);

function table(names, lines) {
  const made_table = document.createElement("table"), body = document.createElement("tbody");
  const head = made_table.createTHead().insertRow();
  for (const name of names) head.append(made("th", name));
  for (const [unusual, ...cells] of lines) {
    const row = body.insertRow();
    if (unusual) row.className = "unusual";
    for (const cell of cells) row.append(made("td", cell));
  }
  made_table.append(body);
  return made_table;
}

for (const button of document.querySelectorAll("[data-sort]")) button.addEventListener("click", () => {
  sort = button.dataset.sort;
  for (const each of document.querySelectorAll("[data-sort]")) {
    each.parentElement.setAttribute("aria-sort", each !== button ? "none" : sort === "risk" ? "descending" : "ascending");
  }
  showFlights();
});

rows.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const row = document.activeElement.closest("#rows > tr");
  const next = row ? (step > 0 ? row.nextElementSibling : row.previousElementSibling) : rows.firstElementChild;
  if (!step) return;
  event.preventDefault();
  if (next) next.querySelector("button").focus();
});

details.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && known.has(chosen)) known.get(chosen).querySelector("button").focus();
});

for (const name of ["origin", "carrier"]) place(name).addEventListener("change", showFlights);
place("period").addEventListener("change", refresh);
for (const name of ["filters", "keyed"]) place(name).addEventListener("submit", (event) => event.preventDefault());
key.addEventListener("change", refresh);
document.addEventListener("visibilitychange", () => document.hidden ? clearTimeout(timer) : refresh());
refresh();
