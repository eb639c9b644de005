// The filter of the formula index: words of the id or the title, family, status and verdict.
"use strict";
{
  const form = document.querySelector(".formula-filter");
  const families = [...document.querySelectorAll(".formula-family")];
  const cards = [...document.querySelectorAll(".formula-card")];
  const fields = ["family", "status", "verdict"];

  const apply = () => {
    const words = form.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const asked = words.length > 0 || fields.some((field) => form[field].value);
    let shown = 0;
    for (const card of cards) {
      const text = card.querySelector(".formula-id").textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word))
        && fields.every((field) => !form[field].value || card.dataset[field] === form[field].value);
      card.hidden = !fits;
      shown += fits;
    }
    for (const family of families) {
      family.hidden = !family.querySelector(".formula-card:not([hidden])");
      family.open = asked && !family.hidden;
    }
    form.querySelector("output").textContent = asked ? `${shown} of ${cards.length} formulas` : `${cards.length} formulas`;
  };

  if (form) {
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
  }
}
