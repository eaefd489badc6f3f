"""Engine.IO v4 and Socket.IO v5 as codecs. Pure.

Source: https://github.com/socketio/engine.io-protocol and https://github.com/socketio/socket.io-protocol
"""
