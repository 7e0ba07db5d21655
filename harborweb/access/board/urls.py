"""Addresses of the board, below access/board/."""

from django.urls import path

from harborweb.access.board import views

urlpatterns = [
    path("visitor/", views.visitor, name="board_visitor"),
]
