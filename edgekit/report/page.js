// Unpacks plotly.js, draws the charts, and redraws them at the width of a sheet before the page is printed.
const PAPER = 660; // CSS pixels between the margins of A4
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const nonce = document.currentScript.nonce;
const charts = [...document.querySelectorAll(".chart")];

async function unpack() {
  const text = document.getElementById("plotly").textContent.trim();
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.nonce = nonce;
  script.textContent = await new Response(plain).text();
  document.head.append(script);
}

async function draw() {
  await unpack();
  const figures = read("figures"), config = read("config");
  for (const [place, chart] of charts.entries()) {
    chart.replaceChildren();
    await Plotly.newPlot(chart, figures[place].data, figures[place].layout, config);
  }
  document.documentElement.dataset.drawn = "yes";
}

draw().catch((error) => {
  for (const chart of charts) chart.textContent = `This browser could not draw the chart (${error.message}). The table below holds its best points.`;
});

addEventListener("beforeprint", () => {
  for (const chart of charts) if (chart.data) Plotly.relayout(chart, { width: PAPER, autosize: false });
});
addEventListener("afterprint", () => {
  for (const chart of charts) if (chart.data) Plotly.relayout(chart, { width: null, autosize: true });
});
