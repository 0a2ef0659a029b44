"""Web pages from templates: escaped, complete, in one file."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from sigclean.reports.pages import render_page


@pytest.fixture
def template(tmp_path: Path) -> Path:
    (tmp_path / "own.css").write_text("b > i { color: red }")
    path = tmp_path / "own.html"
    path.write_text(
        '{% extends "base.html" %}{% block title %}{{ name }}{% endblock %}'
        '{% block style %}{{ inline("own.css") }}{% endblock %}'
        "{% block main %}{{ name }} {{ 12345|grouped }}{% endblock %}"
    )
    return path


def test_values_are_escaped_unless_they_are_markup(template: Path) -> None:
    assert "&lt;b&gt; 12 345" in render_page(template, name="<b>")
    assert "<b>ink</b> 12 345" in render_page(template, name=Markup("<b>ink</b>"))


def test_style_sheets_are_in_the_page_itself(template: Path) -> None:
    page = render_page(template, name="")
    assert "b > i { color: red }</style>" in page
    assert ":root { color-scheme: light dark;" in page


def test_a_missing_value_is_an_error(template: Path) -> None:
    with pytest.raises(UndefinedError, match="'name' is undefined"):
        render_page(template)
