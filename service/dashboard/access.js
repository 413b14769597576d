// Every request of the page goes through `ask`: where the service wants a token, the page asks its
// reader for one, once, and keeps it in this tab alone. A WebSocket cannot carry it, so it gets a
// ticket that is worth something once.

const KEY = "hadua-token";
let asking = null;

export async function ask(path, options = {}) {
  let response = await send(path, options);
  while (response.status === 401) {
    sessionStorage.removeItem(KEY);
    await tokenFromReader(await said(response));
    response = await send(path, options);
  }
  return response;
}

// What a WebSocket's address needs besides; nothing where the service asks for no token.
export async function ticketed(url) {
  const who = await (await ask("api/v1/whoami")).json();
  if (!who.with_token) return url;
  const { ticket } = await (await ask("api/v1/tickets", { method: "POST" })).json();
  url.searchParams.set("ticket", ticket);
  return url;
}

function send(path, options) {
  const token = sessionStorage.getItem(KEY);
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  return fetch(path, { ...options, headers });
}

async function said(response) {
  try {
    return (await response.json()).code;
  } catch {
    return "";
  }
}

// One dialog, however many requests wait for it.
function tokenFromReader(code) {
  asking ??= show(code).finally(() => (asking = null));
  return asking;
}

function show(code) {
  const dialog = document.getElementById("sign-in");
  const refused = code === "token-refused";
  document.getElementById("sign-in-refused").hidden = !refused;
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        const field = document.getElementById("token");
        sessionStorage.setItem(KEY, field.value.trim());
        field.value = "";
        resolve();
      },
      { once: true },
    );
  });
}
