"""What a scraper asks: outside of every session, where scrapers look for it."""

from django.urls import path

from harborweb.audit.notices import views

app_name = "metrics"
urlpatterns = [path("metrics", views.scrape, name="scrape")]
