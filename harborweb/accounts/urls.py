from django.urls import path

from harborweb.accounts import people, trail, views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-in/link/<str:token>/", views.link, name="link"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("account/", views.account, name="account"),
    path("language/", views.language, name="language"),
    path("theme/", views.theme, name="theme"),
    path("people/", people.page, name="people"),
    path("people/add/", people.add, name="person_add"),
    path("people/<int:pk>/role/", people.role, name="person_role"),
    path("people/<int:pk>/active/", people.active, name="person_active"),
    path("people/<int:pk>/link/", people.link, name="person_link"),
    path("activity/", trail.page, name="activity"),
    path("activity.csv", trail.export, name="activity_csv"),
    path("health/", views.health, name="health"),
]
