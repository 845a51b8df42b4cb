variable "name" {
  description = "Prefix of the names of the topic, the subscription and the account."
  type        = string
}

variable "dispatcher_url" {
  description = "Address of the dispatcher; also the audience of the tokens."
  type        = string
}

variable "bucket" {
  description = "The bucket: its name, the prefix of the objects that are synced (empty for all), and whether to make its notification here. Only who may change the bucket can make one."
  type = object({
    name    = string
    prefix  = string
    managed = bool
  })
}

variable "publisher" {
  description = "E-mail address of the Cloud Storage service agent of the bucket's project, which publishes."
  type        = string
}
