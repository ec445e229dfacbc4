"""
Drive notebooks in JupyterLab, in a real Chromium, and look at their pictures.

An example is opened as it is stored, by a user who has not trusted it: its stored pictures must
be visible. Then its cells are run one by one. Of each live picture two screenshots some seconds
apart must differ in the chart, not only in the time below it. A cell that is run again must replace
its view, and the last cell must end all of them. Then the same with the lines of the README's
quickstart.

Needs JupyterLab, Playwright's client for Python, and Debian's chromium.

Usage: python tests/jupyter/run.py [--chromium PATH] [--pictures FOLDER]
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "notebooks" / "market_data.ipynb"

TIMEOUT_S = 180.0
"""Of each wait. Only for what would not come."""

APART_S = 3.0
"""Seconds between two screenshots, at least."""

KERNEL = {"kernelspec": {"display_name": "Python 3", "name": "python3"}}

# Resolves when the kernel can be asked; the stored outputs are there by then.
_OPEN = """async () => {
    const app = window.jupyterapp;
    await app.restored;
    const panel = app.shell.currentWidget;
    await panel.revealed;
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
}"""

_RUN = """async at => {
    const app = window.jupyterapp;
    const notebook = app.shell.currentWidget.content;
    notebook.deselectAll();
    notebook.activeCellIndex = at;
    await app.commands.execute("notebook:run-cell");
    return notebook.widgets[at].model.toJSON().outputs;
}"""

_SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"

_ASK = """async code => {
    const session = window.jupyterapp.shell.currentWidget.sessionContext.session;
    const request = session.kernel.requestExecute({code, store_history: false});
    let text = "";
    request.onIOPub = message => { text += message.content.text || ""; };
    await request.done;
    return text;
}"""

# A view in a cell: pictures and tables, and below them a line that says of what time they are.
_VIEW = r"""
    const cell = window.jupyterapp.shell.currentWidget.content.widgets[at].node;
    const views = () => cell.querySelectorAll(".jp-OutputArea-output.jp-RenderedHTML > div");
    const shapes = view => [...view.querySelectorAll("img")]
        .map(image => atob(image.src.split(",")[1]).replace(/<text.*?<\/text>/g, ""))
        .join("");
"""

# Each change replaces the elements, so all is asked at once.
_LOOK = f"""async at => {{
    {_VIEW}
    cell.scrollIntoView({{block: "nearest"}});
    const [view, ...others] = views();
    const {{x, y, width}} = view.getBoundingClientRect();
    const {{y: end, bottom}} = view.lastElementChild.getBoundingClientRect();
    const images = [...view.querySelectorAll("img")];
    const found = {{
        count: 1 + others.length,
        shapes: shapes(view),
        caption: view.lastElementChild.textContent,
        whole: {{x, y, width, height: bottom - y}},
        body: {{x, y, width, height: end - y}},
    }};
    await Promise.all(images.map(image => image.decode()));
    return {{...found, widths: images.map(image => image.naturalWidth)}};
}}"""

# Resolves when the shapes in a view differ from the present ones, some time from now.
_CHANGE = f"""([at, apart, timeout]) => new Promise((resolve, reject) => {{
    {_VIEW}
    const before = shapes(views()[0]);
    const from = performance.now() + apart;
    const observer = new MutationObserver(() => {{
        const [view] = views();
        if (!view || performance.now() < from || shapes(view) === before) return;
        observer.disconnect();
        resolve();
    }});
    observer.observe(cell, {{subtree: true, childList: true, attributes: true}});
    setTimeout(() => reject(Error("a view stands still")), timeout);
}})"""

# Prints the names of threads, once so few are left, or what there is after a while.
_THREADS = """
import threading, time
_end = time.monotonic() + 20
while True:
    _names = [t.name for t in threading.enumerate() if t.name.startswith({prefix!r})]
    if len(_names) <= {most} or time.monotonic() > _end:
        break
    time.sleep(0.02)
print(*_names)
"""


class Failure(Exception):
    """What a reader of the notebook would see."""


def check(is_right: bool, what: str) -> None:
    if not is_right:
        raise Failure(what)


def quickstart() -> str:
    """Return the README's lines for a notebook."""
    text = (ROOT / "README.rst").read_text("utf-8")
    pattern = r"^\.\. code-block:: python\n    :name: quickstart\n\n((?:    .+\n)+)"
    (code,) = re.findall(pattern, text, re.MULTILINE)
    return re.sub("^    ", "", code, flags=re.MULTILINE).strip()


class Server:
    """JupyterLab on the notebooks of a folder, with settings of its own."""

    def __init__(self, folder: Path) -> None:
        own = folder / "jupyter"
        self._write(own, "notification", '{"fetchNews": "false"}', "apputils")
        # All cells are on the page, seen or not.
        self._write(own, "tracker", '{"windowingMode": "none"}', "notebook")
        env = {name: v for name, v in os.environ.items() if not name.startswith("BFX_")}
        for name in ("CONFIG", "DATA", "RUNTIME"):
            env[f"JUPYTER_{name}_DIR"] = str(own / name.lower())
        env["JUPYTERLAB_SETTINGS_DIR"] = str(own / "settings")
        env["JUPYTERLAB_WORKSPACES_DIR"] = str(own / "workspaces")
        self.token = env["JUPYTER_TOKEN"] = secrets.token_hex(16)
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
        command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"]
        command += [f"--ServerApp.root_dir={folder}"]
        command += ["--LabApp.expose_app_in_browser=True"]
        self._process = subprocess.Popen(
            command, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stderr is not None
        self.log: list[str] = []
        self.url = ""
        for line in self._process.stderr:
            self.log.append(line)
            found = re.search(r"http://127\.0\.0\.1:\d+/lab", line)
            if found:
                self.url = found.group()
                break
        # Without a reader of its log it would stop at some point.
        threading.Thread(
            target=self.log.extend, args=[self._process.stderr], daemon=True
        ).start()
        check(bool(self.url), "JupyterLab did not start:\n" + "".join(self.log))

    @staticmethod
    def _write(own: Path, name: str, text: str, extension: str) -> None:
        folder = own / "settings" / "@jupyterlab" / f"{extension}-extension"
        folder.mkdir(parents=True)
        (folder / f"{name}.jupyterlab-settings").write_text(text)

    def close(self) -> None:
        """End the server, which ends its kernels first."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Lab:
    """A notebook in JupyterLab, seen in Chromium."""

    def __init__(self, page: Page, server: Server, path: Path, pictures: Path) -> None:
        self.page = page
        self.path = path
        self.name = path.stem
        self.pictures = pictures
        page.goto(f"{server.url}/tree/{path.name}?reset&token={server.token}")
        page.wait_for_function(
            "name => window.jupyterapp?.shell?.currentWidget?.context?.path === name",
            arg=path.name,
        )
        page.evaluate(_OPEN)

    def run(self, at: int) -> None:
        """Run a cell to its end, without an error and without a warning."""
        for output in self.page.evaluate(_RUN, at):
            wrong = output["output_type"] == "error" or output.get("name") == "stderr"
            text = output.get("text") or "\n".join(output.get("traceback", ()))
            check(not wrong, f"{self.name}: cell {at} has printed {text}")

    def threads(self, prefix: str, most: int) -> list[str]:
        """Return the names of the kernel's threads, once they are not more than these."""
        code = _THREADS.format(prefix=prefix, most=most)
        names = str(self.page.evaluate(_ASK, code)).split()
        check(len(names) <= most, f"{self.name}: not only {most} threads, but {names}")
        return names

    def look(self, at: int) -> Any:
        """Return what a view in a cell shows, once all of it is visible."""
        cell = self.page.locator(".jp-Notebook .jp-Cell").nth(at)
        cell.locator(".jp-RenderedHTML > div").first.wait_for()
        found = self.page.evaluate(_LOOK, at)
        check(found["count"] == 1, f"{self.name}: {found['count']} views in cell {at}")
        drawn = bool(found["widths"]) and all(width > 10 for width in found["widths"])
        check(drawn, f"{self.name}: the view in cell {at} is not drawn: {found}")
        check("as of" in found["caption"], f"{self.name}: no time in cell {at}")
        return found

    def shot(self, at: int, title: str) -> bytes:
        """Return the pixels of a view without its caption; keep a picture of the whole."""
        found = self.look(at)
        path = self.pictures / f"{self.name}-{title}.png"
        self.page.screenshot(path=path, clip=found["whole"])
        return self.page.screenshot(clip=found["body"])

    def watch(self, at: int, title: str) -> None:
        """Fail unless the pictures of a view change by themselves, and not only their texts."""
        pixels, began = self.shot(at, f"{title}-1"), time.monotonic()
        self.page.evaluate(_CHANGE, [at, APART_S * 1000, TIMEOUT_S * 1000])
        seconds = time.monotonic() - began
        later = self.shot(at, f"{title}-2")
        check(pixels != later, f"{self.name}: the {title} looks the same later")
        print(f"{self.name}: the {title} differs after {seconds:.1f} s")

    def saved(self) -> Any:
        """Save the notebook, and return what its file has."""
        self.page.evaluate(_SAVE)
        return nbformat.read(self.path, as_version=4)


def drive(lab: Lab, *, has_pictures: bool) -> None:
    """Run a notebook's cells in the order of a reader, and look at those that are tagged `live`."""
    cells = nbformat.read(lab.path, as_version=4).cells
    live = {
        at: cell.id
        for at, cell in enumerate(cells)
        if "live" in cell.metadata.get("tags", ())
    }
    check(bool(live), f"{lab.name} has no live picture")
    for at in live if has_pictures else ():
        lab.look(at)
    *first, last = (at for at, cell in enumerate(cells) if cell.cell_type == "code")
    for at in first:
        lab.run(at)
    for at, title in live.items():
        lab.watch(at, title)
    again = next(iter(live))
    lab.run(again)
    lab.look(again)
    views = lab.threads("bfxsync-view", len(live))
    check(len(views) == len(live), f"{lab.name}: views have ended: only {views} go on")
    lab.page.screenshot(path=lab.pictures / f"{lab.name}.png")
    lab.run(last)
    lab.threads("bfxsync", 0)
    for at in live:
        (output,) = lab.saved().cells[at].outputs
        check("as of" in output.data["text/plain"], f"{lab.name}: of no time: {output}")


def run(chromium: str, pictures: Path) -> None:
    """Drive the example and the quickstart."""
    pictures.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        example = Path(shutil.copy(EXAMPLE, folder))
        first = nbformat.v4.new_code_cell(quickstart(), id="candles")
        first.metadata.tags = ["live"]
        cells = [first, nbformat.v4.new_code_cell("bfx.close()")]
        start = folder / "quickstart.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), start)
        with closing(Server(folder)) as server:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": 1100, "height": 2200})
            page.set_default_timeout(TIMEOUT_S * 1000)
            try:
                drive(Lab(page, server, example, pictures), has_pictures=True)
                drive(Lab(page, server, start, pictures), has_pictures=False)
            except BaseException:
                page.screenshot(path=pictures / "failure.png")
                print("".join(server.log[-30:]), file=sys.stderr)
                raise
            finally:
                browser.close()


def main() -> int:
    """Run everything; return the exit status."""
    parser = argparse.ArgumentParser(description="drive notebooks in a real browser")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    parser.add_argument("--pictures", type=Path, help="a folder for the screenshots")
    options = parser.parse_args()
    if not options.chromium:
        parser.error("no chromium was found: name it with --chromium")
    with TemporaryDirectory() as folder:
        try:
            run(options.chromium, options.pictures or Path(folder))
        except Failure as exc:
            print(f"failed: {exc}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
