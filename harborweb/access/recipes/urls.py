"""Addresses of recipes, below access/proxy/."""

from django.urls import path

from harborweb.access.recipes import views

urlpatterns = [
    path("", views.first, name="recipes"),
    path("<slug:name>/", views.page, name="recipe"),
    path("<slug:name>/text/<int:number>/", views.text, name="recipe_text"),
    path("<slug:name>/keys/", views.keys, name="recipe_keys"),
]
