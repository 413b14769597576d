// Light, dark, or as the system says; remembered by the browser.

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const TEXT = { auto: "Colours: as the system", light: "Colours: light", dark: "Colours: dark" };
const KEY = "hadua-scheme";

export function setUpScheme(button, onChange) {
  let scheme = remembered();
  const apply = () => {
    document.documentElement.dataset.scheme = scheme;
    button.textContent = TEXT[scheme];
    onChange();
  };
  button.addEventListener("click", () => {
    scheme = NEXT[scheme];
    remember(scheme);
    apply();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
  apply();
}

function remembered() {
  try {
    const kept = localStorage.getItem(KEY);
    return kept in NEXT ? kept : "auto";
  } catch {
    return "auto"; // storage is switched off
  }
}

function remember(scheme) {
  try {
    localStorage.setItem(KEY, scheme);
  } catch {
    // storage is switched off: the choice lasts as long as the page
  }
}
