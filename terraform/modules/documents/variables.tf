variable "name" {
  description = "Name of the bucket."
  type        = string
}

variable "create" {
  description = "Whether to create the bucket."
  type        = bool
}

variable "location" {
  description = "Location of a bucket that is created."
  type        = string
}

variable "billing_project" {
  description = "The project that pays for requests to a bucket whose requesters pay; null for none."
  type        = string
}

variable "readers" {
  description = "Who reads the documents, as IAM members by a name of your choice."
  type        = map(string)
}
