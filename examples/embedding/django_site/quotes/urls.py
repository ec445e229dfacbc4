from django.urls import path
from market import views

urlpatterns = [path("price", views.price), path("readyz", views.readyz)]
