def export(network, example):
    raise NotImplementedError
