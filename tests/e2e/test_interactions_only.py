"""A team that sends interactions alone still gets counts, and is told what is missing."""

import rankloop


def test_the_missions_interaction_alone_gives_counts_and_names_what_is_missing(data_folder):
    with rankloop.connect(str(data_folder)) as loop:
        loop.interactions.create(
            feature_id="doc_xyz789", interaction_type=["click"], position=3, user_id="user_123"
        )
        signals = loop.analytics.get_retriever_signals(retriever_id="default").to_dict()

    assert signals["overview"]["interactions"] == 1
    assert signals["overview"]["orphan_interactions"] == 1
    assert signals["overview"]["ctr"]["value"] is None
    assert signals["missing"]
