"""Statistics of made-up ages, others at each site."""

import numpy
from nvflare.app_common.abstract.statistics_spec import DataType, Feature, Statistics


class Ages(Statistics):
    """A hundred of them at each site; the sites' numbers are their smallest ones."""

    def __init__(self):
        super().__init__()
        self.ages = None

    def initialize(self, fl_ctx):
        """Make them up."""
        self.ages = numpy.arange(100) + int(fl_ctx.get_identity_name().removeprefix("site-"))

    def features(self):
        """Return what there is."""
        return {"ages": [Feature("age", DataType.INT)]}

    def count(self, dataset_name, feature_name):
        """Return how many there are."""
        return len(self.ages)

    def sum(self, dataset_name, feature_name):
        """Return what they come to."""
        return float(self.ages.sum())

    def failure_count(self, dataset_name, feature_name):
        """All are known."""
        return 0
