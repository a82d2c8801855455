// Sends the form as the contract wants it and shows what comes back; whatever is shown is text, never markup.
// Nothing is checked here: the service says what is wrong, so that there is one truth.
"use strict";

const form = document.getElementById("form");
const answer = document.getElementById("answer");
const key = document.getElementById("api-key");

function value(input) {
  const text = input.value.trim();
  if (text === "") return null;
  if (input.dataset.kind === "time") return text.length === 16 ? `${text}:00Z` : `${text}Z`;
  if (input.dataset.kind === "text") return text;
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

function shown(tag, text, name) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (name) element.className = name;
  return element;
}

function clear() {
  for (const input of form.elements) input.removeAttribute("aria-invalid");
  for (const output of form.querySelectorAll("output")) output.textContent = "";
}

function showPrediction(prediction) {
  const meter = document.createElement("meter");
  const { probability, threshold } = prediction;
  Object.assign(meter, { max: 1, low: threshold, high: threshold, optimum: 0, value: probability }); // red from there
  meter.setAttribute("aria-label", "Probability");
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const by = prediction.served_by === "heuristic" ? "the heuristic" : `${prediction.served_by}, version ${prediction.model_version}`;
  answer.replaceChildren(
    shown("div", percent(prediction.probability), "probability"),
    shown("p", `probability of being ${answer.dataset.positive}`, "soft"),
    meter,
    shown("p", prediction.alert ? "Alert: likely enough to act" : "No alert", prediction.alert ? "verdict alert" : "verdict calm"),
    shown("p", `The alert begins at ${percent(prediction.threshold)}. Answered by ${by}; logged as`, "soft"),
    shown("code", prediction.request_id),
  );
  answer.scrollIntoView({ block: "nearest" });
}

function showRefusal(problem) {
  answer.replaceChildren(shown("p", problem.title, "verdict refused"), shown("p", problem.detail));
  let first = null;
  for (const error of problem.errors || []) {
    const input = form.elements.namedItem(error.field);
    if (!input) continue;
    input.setAttribute("aria-invalid", "true");
    document.getElementById(`error-${error.field}`).textContent = `Expected ${error.expected}`;
    first = first || input;
  }
  (first || answer).focus();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  clear();
  answer.replaceChildren(shown("p", "Asking …", "soft"));
  const fields = [...form.elements].filter((element) => element.dataset.kind);
  const body = Object.fromEntries(fields.map((element) => [element.name, value(element)]));
  const headers = { "Content-Type": "application/json" };
  if (key.value) headers.Authorization = `Bearer ${key.value}`;
  try {
    const response = await fetch("predict", { method: "POST", headers, body: JSON.stringify(body) });
    const content = await response.json();
    if (response.ok) showPrediction(content); else showRefusal(content);
    if (response.status === 401) { document.getElementById("keyed").hidden = false; key.focus(); }
  } catch (error) {
    showRefusal({ title: "No answer", detail: "The service does not answer. Is it still running?" });
  }
});

form.addEventListener("reset", clear);

for (const [name, text] of new URLSearchParams(location.search)) { // a link may fill the form in
  const input = form.elements.namedItem(name);
  if (input?.dataset.kind) input.value = input.dataset.kind === "time" ? text.replace("Z", "") : text;
}
