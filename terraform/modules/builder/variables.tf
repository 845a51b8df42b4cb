variable "project_id" {
  description = "The deployment's project."
  type        = string
}

variable "project_number" {
  description = "Number of the project, which is part of the name of the bucket from which Cloud Functions builds."
  type        = string
}

variable "name" {
  description = "Prefix of all names."
  type        = string
}

variable "region" {
  description = "Region of the packages, the images and the builds."
  type        = string
}

variable "packages" {
  description = "Path of each function's zip."
  type        = map(string)
}

variable "deletion_protection" {
  description = "Whether packages survive terraform destroy."
  type        = bool
}
