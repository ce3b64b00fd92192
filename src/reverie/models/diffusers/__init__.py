"""Models of others, and ours for others: folders in the layout of diffusers, read and written.

FOLDER/ model_index.json                        the pipeline, and the class of each part
        unet/         config.json  diffusion_pytorch_model.safetensors
        scheduler/    scheduler_config.json
        vae/ | vqvae/ config.json  diffusion_pytorch_model.safetensors     of latent models

or a U-Net's own folder (config.json and weights), with a scheduler_config.json in it or in scheduler/ in or beside it.
Nothing of a folder is run, and nothing is fetched: what is not on the disk is missing, in one sentence.
"""

from reverie.models.diffusers.layout import fill
from reverie.models.diffusers.reading import autoencoder_config, is_layout, load
from reverie.models.diffusers.writing import write

__all__ = ["autoencoder_config", "fill", "is_layout", "load", "write"]
