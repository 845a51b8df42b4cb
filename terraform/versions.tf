terraform {
  required_version = ">= 1.9" # validations that look at other variables

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.40, < 9" # checked against the schema of 8.7.0
    }
  }

  # Bucket and prefix are given to `terraform init -backend-config`.
  backend "gcs" {}
}

provider "google" {
  project = var.project_id
  region  = var.region

  default_labels = {
    app        = "file-search-sync"
    deployment = var.deployment
  }
}
