// The operators' console: it calls the same HTTP API as everybody else. A view is a function that
// returns what goes into <main>. Text enters the page as text nodes only, never as HTML.

const $ = (id) => document.getElementById(id);
const STATEMENT_LIMIT = 50;
const CHART_ENTRIES = 500;

/** An element. Attributes that begin with `on` are listeners; null children are left out. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

const money = (amount) => {
  const [whole, cents] = amount.replace("-", "").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return (amount.startsWith("-") ? "\u2212" : "") + grouped + "." + cents;
};
const time = (text) =>
  text ? h("time", { datetime: text }, text.replace("T", " ").replace(/\.\d+Z$/, " UTC")) : "none";
/** In a table on a phone the number alone shows: its column says of what. */
const link = (what, id) =>
  h("a", { href: `#/${what}/${id}` }, h("span", { class: "what" }, `${what} `), id);
const account = (id) => (id == null ? "outside" : link("account", id));
const transaction = (id) => link("transaction", id);
const facts = (...pairs) =>
  h("dl", { class: "facts" },
    pairs.filter(([, value]) => value != null)
      .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

const number = (text) => ({ text: String(text), class: "number" });
const prose = (text) => ({ text, class: "text" });

/** A table of cells, each a text, an element, or a text with a class. */
function table(caption, heads, rows) {
  const cell = (tag, attributes, content) =>
    content instanceof Node || typeof content !== "object"
      ? h(tag, attributes, content) : h(tag, { ...attributes, class: content?.class },
        content?.text ?? "");
  return h("div", { class: "wide", role: "region", tabindex: "0", "aria-label": caption },
    h("table", {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, heads.map((head) => cell("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((part) => cell("td", {}, part)))))));
}

/** What the API refused: a problem (RFC 9457), or that it cannot be reached. */
class Refused extends Error {
  constructor(problem) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
  }
}

async function api(method, path, { body, key } = {}) {
  const headers = {};
  const apiKey = sessionStorage.getItem("key");
  if (apiKey) headers.Authorization = `Bearer ${apiKey}`;
  if (method !== "GET") headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  let answer;
  try {
    answer = await fetch(path, {
      method, headers, body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
    });
  } catch {
    throw new Refused({
      title: "No answer", detail: "The service cannot be reached.",
      hint: key ? "Try again: with the same key, it happens once." : "Try again.",
    });
  }
  const json = await answer.json().catch(() => ({}));
  if (answer.ok) return json;
  throw new Refused({ title: `HTTP ${answer.status}`, ...json });
}

function problemBox(error) {
  if (!(error instanceof Refused)) throw error;
  const { title, detail, hint, code, instance } = error.problem;
  return h("div", { class: "problem", role: "alert" },
    h("p", {}, h("strong", {}, title), detail ? `: ${detail}` : ""),
    hint ? h("p", {}, hint) : null,
    code === "unauthorized"
      ? h("p", {}, h("button", { type: "button", onclick: askForKey }, "Give an API key")) : null,
    instance ? h("p", { class: "quiet" }, `Request ${instance}`) : null);
}

const newKey = () =>
  "console-" + [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");

async function ask(dialog) {
  dialog.returnValue = "cancel";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  return dialog.returnValue;
}

async function askForKey() {
  if ((await ask($("key-dialog"))) === "use") {
    const key = $("key").value.trim();
    if (key) sessionStorage.setItem("key", key);
    else sessionStorage.removeItem("key");
    show();
  }
  $("key").value = "";
}

/** A button that says what it will do, asks, does it once, and shows the view anew. */
function action(label, { title, text, run, done, danger = true }) {
  // One key for as long as the view stands: pressing it again after no answer is a retry.
  const key = newKey();
  const box = h("div");
  const button = h("button", { type: "button", class: danger ? "danger" : null,
    onclick: async () => {
      $("confirm-title").textContent = title;
      $("confirm-button").textContent = label;
      $("confirm-text").replaceChildren(...(await text()));
      if ((await ask($("confirm-dialog"))) !== "confirm") return;
      button.disabled = true;
      try {
        const answer = await run(key);
        await show();
        $("status").textContent = done(answer);
      } catch (error) {
        box.replaceChildren(problemBox(error));
        button.disabled = false;
      }
    } }, label);
  return h("div", {}, button, box);
}

const named = async (id) => {
  if (id == null) return "outside";
  const { email } = await api("GET", `/account/${id}`);
  return `account ${id} (${email})`;
};

// Accounts

function findForm(value = "") {
  const input = h("input", { id: "find", name: "find", value, autocomplete: "off", spellcheck: "false",
    "aria-describedby": "find-hint" });
  return h("form", { class: "find", role: "search", onsubmit: (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (/^\d+$/.test(text)) location.hash = `#/account/${text}`;
    else if (text) location.hash = `#/find/${encodeURIComponent(text)}`;
  } },
    h("div", {}, h("label", { for: "find" }, "Account number, email or reference"), input),
    h("button", { type: "submit", class: "primary" }, "Find"),
    h("p", { id: "find-hint", class: "quiet" }, "For a transaction, type t and its number: t42."));
}

async function findView(text) {
  const match = text?.match(/^t(\d+)$/i);
  if (match) {
    location.replace(`#/transaction/${match[1]}`);
    return [];
  }
  if (!text) return [h("h1", {}, "Find an account"), findForm()];
  const isEmail = text.includes("@");
  const given = isEmail ? { email: text } : { reference: text };
  const accounts = await pages("/account", given, "after", "account",
    ["Account", "Email", number("Balance"), "State", "Opened"],
    (item) => [account(item.id), prose(item.email), number(money(item.balance)),
      item.frozen ? "frozen" : "", time(item.ctime)]);
  const found = [h("h1", {}, `Found by ${isEmail ? "email" : "reference"}: ${text}`), findForm(text),
    accounts];
  if (!isEmail) {
    found.push(await pages("/transaction", given, "before", "transaction",
      ["Transaction", "Kind", "From", "To", number("Amount"), "State", "Time"],
      (item) => [transaction(item.id), item.kind, account(item.source_account_id),
        account(item.target_account_id), number(money(item.amount)), item.state,
        time(item.ctime)]));
  }
  return found;
}

/** A table of what a list has, with a button for its next page; `cursor` names that page. */
async function pages(path, given, cursor, noun, heads, row) {
  const more = h("div");
  const rows = [];
  const load = async (next) => {
    const query = new URLSearchParams({ ...given, ...(next ? { [cursor]: next } : {}) });
    const page = await api("GET", `${path}?${query}`);
    rows.push(...page.items.map(row));
    more.replaceChildren(
      rows.length
        ? table(`${plural(rows.length, noun)}${page.next ? " so far" : ""}`, heads, rows)
        : h("p", {}, `No ${noun} has this ${Object.keys(given)[0]}.`),
      page.next
        ? h("p", {}, h("button", { type: "button", onclick: () => load(page.next) }, "More"))
        : "");
  };
  await load();
  return more;
}

/** The balance after each entry as steps over time; `lines` has the newest first. */
function chart(lines) {
  const points = lines.map((line) => [Date.parse(line.ctime), Number(line.balance)]).reverse();
  if (points.length < 2) return null;
  const [[first], [last]] = [points[0], points.at(-1)];
  const top = Math.max(...points.map(([, balance]) => balance), 0.01);
  const low = Math.min(...points.map(([, balance]) => balance), 0);
  const x = (at) => (last > first ? ((at - first) / (last - first)) * 1000 : 500).toFixed(2);
  const y = (balance) => (196 - ((balance - low) / (top - low)) * 192).toFixed(2);
  const path = points.map(([at, balance], i) =>
    i ? `H${x(at)}V${y(balance)}` : `M${x(at)},${y(balance)}`).join("");
  const svg = (tag, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const label = `Balance after each of ${points.length} entries: from ${lines.at(-1).balance} to `
    + `${lines[0].balance}, at most ${top.toFixed(2)}`;
  return h("figure", {},
    h("div", { class: "axis" }, h("span", {}, money(top.toFixed(2))), h("span", {}, "balance")),
    svg("svg", { class: "chart", viewBox: "0 0 1000 200", preserveAspectRatio: "none", role: "img",
      "aria-label": label },
      svg("line", { x1: 0, x2: 1000, y1: y(0), y2: y(0) }), svg("path", { d: path })),
    h("div", { class: "axis" }, time(lines.at(-1).ctime), time(lines[0].ctime)),
    h("figcaption", {}, `The balance after each of the last ${points.length} entries.`));
}

async function accountView(id) {
  const [found, statement] = await Promise.all([
    api("GET", `/account/${id}`),
    api("GET", `/account/${id}/transaction?limit=${CHART_ENTRIES}`),
  ]);
  const word = found.frozen ? "unfreeze" : "freeze";
  const lines = h("div");
  const shown = [];
  const page = (items, next) => {
    shown.push(...items);
    lines.replaceChildren(
      shown.length
        ? table(`${plural(shown.length, "entry").replace("entrys", "entries")}, the newest first`,
          [number("Entry"), "Kind", "With", number("Amount"), number("Balance"),
            "Transaction", "Time"],
          shown.map((line) => [number(line.entry), line.kind.replace("_", " "),
            account(line.counterparty_account_id),
            number(money(line.amount)), number(money(line.balance)),
            transaction(line.transaction_id), time(line.ctime)]))
        : h("p", {}, "No entries yet."),
      next ? h("p", {}, h("button", { type: "button", onclick: () => older(next) }, "Older entries"))
        : "");
  };
  const older = async (before) => {
    const more = await api(
      "GET", `/account/${id}/transaction?limit=${STATEMENT_LIMIT}&before=${before}`);
    page(more.items, more.next);
  };
  const first = statement.items.slice(0, STATEMENT_LIMIT);
  page(first, statement.items.length > first.length ? first.at(-1).entry : statement.next);
  return [
    h("h1", {}, `Account ${found.id}`),
    h("p", { class: "balance" }, money(found.balance)),
    facts(["Email", found.email], ["Reference", found.reference],
      ["Metadata", found.metadata && JSON.stringify(found.metadata)],
      ["State", found.frozen ? h("span", { class: "badge bad" }, "frozen")
        : h("span", { class: "badge good" }, "active")],
      ["Held", found.held && money(found.held)],
      ["Available", found.available && money(found.available)],
      ["Opened", time(found.ctime)]),
    h("div", { class: "buttons" },
      action(found.frozen ? "Unfreeze" : "Freeze", {
        title: `${found.frozen ? "Unfreeze" : "Freeze"} account ${found.id}?`,
        text: () => [
          h("p", {}, `Account ${found.id} of ${found.email} holds ${money(found.balance)}.`),
          h("p", {}, found.frozen ? "It will take part in new transactions again."
            : "It will take no part in new transactions. Its balance stays.")],
        run: () => api("POST", `/account/${id}/${word}`),
        done: () => `Account ${found.id} is ${found.frozen ? "active" : "frozen"} now.`,
        danger: !found.frozen,
      })),
    chart(statement.items),
    h("h2", {}, "Statement"), lines];
}

// Transactions

async function transactionView(id) {
  const found = await api("GET", `/transaction/${id}`);
  const what = async () => [
    h("p", {}, `${money(found.amount)} from ${await named(found.source_account_id)} to `
      + `${await named(found.target_account_id)}.`)];
  const buttons = [];
  if (found.state === "succeeded" && found.kind !== "reversal" && found.reversed_by == null) {
    buttons.push(action("Reverse", {
      title: `Reverse transaction ${found.id}?`,
      text: async () => [...(await what()),
        h("p", {}, "A new transaction takes the amount back. This cannot be undone.")],
      run: (key) => api("POST", `/transaction/${id}/reversal`, { key }),
      done: (made) => `Reversed by transaction ${made.id}.`,
    }));
  }
  if (found.state === "pending") {
    buttons.push(action("Cancel", {
      title: `Cancel transfer ${found.id}?`,
      text: async () => [...(await what()),
        h("p", {}, "It will not be made. This cannot be undone.")],
      run: () => api("POST", `/transaction/${id}/cancel`),
      done: () => `Transfer ${found.id} is cancelled.`,
    }));
  }
  const state = { succeeded: "good", failed: "bad" }[found.state] ?? "";
  return [
    h("h1", {}, `Transaction ${found.id}`),
    h("p", { class: "balance" }, money(found.amount)),
    facts(["State", h("span", { class: `badge ${state}` }, found.state)],
      ["Kind", found.kind],
      ["From", account(found.source_account_id)], ["To", account(found.target_account_id)],
      ["Failure", found.failure && `${found.failure.code}: ${found.failure.detail}`],
      ["Reverses", found.reverses && transaction(found.reverses)],
      ["Reversed by", found.reversed_by && transaction(found.reversed_by)],
      ["Asked for by", found.actor], ["Reference", found.reference],
      ["Metadata", found.metadata && JSON.stringify(found.metadata)],
      ["Queued", found.queued_at && time(found.queued_at)], ["Time", time(found.ctime)]),
    h("div", { class: "buttons" }, buttons)];
}

// The queue, waits, the audit

async function queueView() {
  const queue = await api("GET", "/queue");
  return [
    h("h1", {}, "Queue"),
    facts(["Pending", String(queue.pending)], ["Oldest", time(queue.oldest)]),
    queue.items.length
      ? table(`The next ${plural(queue.items.length, "transfer")}`,
        ["Transfer", "From", "To", number("Amount"), "Queued"],
        queue.items.map((item) => [transaction(item.id), account(item.source_account_id),
          account(item.target_account_id), number(money(item.amount)), time(item.ctime)]))
      : h("p", {}, "Nothing waits."),
    refresh()];
}

async function waitsView() {
  const waits = await api("GET", "/wait");
  return [
    h("h1", {}, "Who waits for whom"),
    waits.items.length
      ? table(`Sessions that wait for an account: ${waits.items.length}`,
        ["Account", "Session", "Role", number("Seconds"), "Blocked by sessions"],
        waits.items.map((item) => [account(item.account_id), String(item.pid), item.role,
          number(item.seconds), item.blocked_by.join(", ")]))
      : h("p", {}, "No session waits for an account."),
    refresh()];
}

const refresh = () =>
  h("p", {}, h("button", { type: "button", onclick: () => show() }, "Refresh"));

async function auditView() {
  const result = h("div");
  const showLast = () => {
    const last = JSON.parse(sessionStorage.getItem("audit") ?? "null");
    if (!last) {
      result.replaceChildren(h("p", {}, "No audit was run in this tab yet."));
      return;
    }
    const { at, seconds, answer } = last;
    result.replaceChildren(
      h("div", { class: answer.total ? "problem" : "note" },
        h("p", {}, h("strong", {}, answer.total ? plural(answer.total, "violation") : "Sound"),
          `, found in ${seconds} s at `, time(at), ".")),
      answer.violations.length
        ? table(answer.total > answer.violations.length
          ? `The first ${answer.violations.length}` : "All of them",
          ["Violation", "Account", "Transaction", "Detail"],
          answer.violations.map((v) => [v.violation, v.account_id && account(v.account_id),
            v.transaction_id && transaction(v.transaction_id), prose(v.detail)]))
        : "");
  };
  const button = h("button", { type: "button", class: "primary", onclick: async () => {
    button.disabled = true;
    const began = Date.now();
    const passed = () => ((Date.now() - began) / 1000).toFixed(1);
    const label = h("p", { id: "audit-label" }, "The audit reads the whole ledger.");
    result.replaceChildren(label, h("progress", { "aria-labelledby": "audit-label" }));
    const timer = setInterval(() => {
      label.textContent = `The audit reads the whole ledger: ${passed()} s so far.`;
    }, 500);
    try {
      const answer = await api("GET", "/audit");
      sessionStorage.setItem("audit",
        JSON.stringify({ at: new Date().toISOString(), seconds: passed(), answer }));
      showLast();
    } catch (error) {
      result.replaceChildren(problemBox(error));
    } finally {
      clearInterval(timer);
      button.disabled = false;
    }
  } }, "Run the audit");
  showLast();
  return [h("h1", {}, "Audit"),
    h("p", {}, "Checks that every entry follows from the one before, and that the sums agree."),
    h("p", {}, button), result];
}

// Which view

const VIEWS = [
  [/^\/?$/, () => findView()],
  [/^\/find\/(.+)$/, (text) => findView(decodeURIComponent(text))],
  [/^\/account\/(\d+)$/, accountView],
  [/^\/transaction\/(\d+)$/, transactionView],
  [/^\/queue$/, queueView],
  [/^\/waits$/, waitsView],
  [/^\/audit$/, auditView],
];

let shown = 0;

async function showVersion() {
  const { version, schema } = await api("GET", "/version");
  $("version").textContent = `Service ${version}, schema ${schema}`;
}

async function show() {
  if (!$("version").textContent) showVersion().catch(() => {}); // The view says what is wrong.
  const turn = ++shown;
  const path = location.hash.slice(1) || "/";
  $("status").textContent = "";
  const [view, parts] = VIEWS.map(([pattern, made]) => [made, path.match(pattern)])
    .find(([, match]) => match) ?? [];
  let content;
  try {
    content = view ? await view(...parts.slice(1)) : [h("h1", {}, "There is no such page")];
  } catch (error) {
    content = [h("h1", {}, "That did not work"), problemBox(error)];
  }
  if (turn !== shown) return; // The reader has gone on meanwhile.
  $("main").replaceChildren(...content.filter((part) => part != null));
  document.title = `${$("main").querySelector("h1")?.textContent ?? "Console"} · pgwallet`;
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.hash === `#${path}`
      || (link.hash === "#/" && /^\/(find|account|transaction)?/.test(path)
        && !/^\/(queue|waits|audit)/.test(path));
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

window.addEventListener("hashchange", async () => {
  await show();
  $("main").focus();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // The hash is the view's.
  $("main").focus();
});
$("key-button").addEventListener("click", askForKey);
show();
