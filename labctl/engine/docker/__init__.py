"""The runtime on a Docker engine. Only this folder and images/docker*.py import its SDK."""
