/*
 * This file is part of FFmpeg.
 *
 * FFmpeg is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * FFmpeg is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with FFmpeg; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

/**
 * @file
 * Reads pictures for the filter: a file, the decoder that its first bytes ask
 * for, and RGB upright on white.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // O_CLOEXEC
#endif

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libavcodec/avcodec.h"
#include "libavutil/error.h"
#include "libavutil/log.h"
#include "libavutil/mem.h"
#include "libavutil/pixdesc.h"
#include "libswscale/swscale.h"

#include "vf_picture.h"

#define MAX_PIXELS (1 << 26) // as the engine has it, for frames too
#define MAX_BYTES (1 << 28)  // of the file
#define MAX_SIDE 65535       // as the engine has it
#define QUIET 100            // added to the level of what others would say

typedef struct Kind {
    const char *name;
    enum AVCodecID codec;
    int offset; ///< in the file, of the bytes that tell it
    const char *bytes;
    int size;
} Kind;

static const Kind kinds[] = {
    {"JPEG", AV_CODEC_ID_MJPEG, 0, "\xff\xd8\xff", 3},
    {"PNG", AV_CODEC_ID_PNG, 0, "\x89PNG\r\n\x1a\n", 8},
    {"WebP", AV_CODEC_ID_WEBP, 8, "WEBP", 4},
    {"TIFF", AV_CODEC_ID_TIFF, 0, "II*\0", 4},
    {"TIFF", AV_CODEC_ID_TIFF, 0, "MM\0*", 4},
    {"BMP", AV_CODEC_ID_BMP, 0, "BM", 2},
    {"GIF", AV_CODEC_ID_GIF, 0, "GIF8", 4},
    {"PBM", AV_CODEC_ID_PBM, 0, "P4", 2},
    {"PGM", AV_CODEC_ID_PGM, 0, "P5", 2},
    {"PPM", AV_CODEC_ID_PPM, 0, "P6", 2},
    {"PAM", AV_CODEC_ID_PAM, 0, "P7", 2},
};

/** What the steps below share. */
typedef struct Reading {
    void *log_ctx;
    const char *path;
} Reading;

static int fail(const Reading *r, int code, const char *reason)
{
    av_log(r->log_ctx, AV_LOG_ERROR, "style '%s': %s\n", r->path, reason);
    return code;
}

static int fail_as(const Reading *r, int error)
{
    char reason[128];

    av_strerror(error, reason, sizeof(reason));
    return fail(r, error, reason);
}

/** Check that it is a file, of a size that a picture may have. */
static int check_file(const Reading *r, int fd, int *size)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return fail_as(r, AVERROR(errno));
    if (!S_ISREG(status.st_mode) || !status.st_size)
        return fail(r, AVERROR(EINVAL),
                    "expected a picture, found no file, or "
                    "an empty one");
    if (status.st_size > MAX_BYTES)
        return fail(r, AVERROR(EFBIG),
                    "the picture's file has more than 256 "
                    "megabytes");
    *size = status.st_size;
    return 0;
}

/**
 * Read it into a packet: one that is mapped and gets shorter would end the
 * process.
 */
static int read_bytes(const Reading *r, int fd, AVPacket *packet)
{
    int size, ret, done = 0;

    if ((ret = check_file(r, fd, &size)) < 0 ||
        (ret = av_new_packet(packet, size)) < 0)
        return ret;
    while (done < size) {
        const ssize_t count = read(fd, packet->data + done, size - done);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fail_as(r, AVERROR(errno));
        if (!count)
            return fail(r, AVERROR(EIO),
                        "the picture's file got shorter while it was read");
        done += count;
    }
    return 0;
}

/** Read the whole file into a packet. */
static int read_file(const Reading *r, AVPacket *packet)
{
    const int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int ret;

    if (fd < 0)
        return fail_as(r, AVERROR(errno));
    ret = read_bytes(r, fd, packet);
    close(fd);
    return ret;
}

static const Kind *find_kind(const AVPacket *packet)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        const Kind *const kind = &kinds[i];

        if (packet->size >= kind->offset + kind->size &&
            !memcmp(packet->data + kind->offset, kind->bytes, kind->size))
            return kind;
    }
    return NULL;
}

static int decode(AVCodecContext *decoder, const AVPacket *packet,
                  AVFrame *frame)
{
    int ret;

    decoder->max_pixels = MAX_PIXELS;
    decoder->thread_count = 1;
    decoder->log_level_offset = QUIET;
    if ((ret = avcodec_open2(decoder, NULL, NULL)) < 0 ||
        (ret = avcodec_send_packet(decoder, packet)) < 0 ||
        (ret = avcodec_send_packet(decoder, NULL)) < 0)
        return ret;
    return avcodec_receive_frame(decoder, frame);
}

/** Decode the picture in a packet. */
static int decode_kind(const Reading *r, const AVPacket *packet, AVFrame *frame)
{
    const Kind *const kind = find_kind(packet);
    const AVCodec *codec;
    AVCodecContext *decoder;
    char reason[128];
    int ret;

    if (!kind)
        return fail(r, AVERROR_INVALIDDATA,
                    "expected a picture (JPEG, PNG, WebP, TIFF, BMP, GIF or "
                    "PNM), found a file of another kind");
    if (!(codec = avcodec_find_decoder(kind->codec))) {
        snprintf(reason, sizeof(reason),
                 "this build of FFmpeg has no decoder for %s", kind->name);
        return fail(r, AVERROR_DECODER_NOT_FOUND, reason);
    }
    if (!(decoder = avcodec_alloc_context3(codec)))
        return AVERROR(ENOMEM);
    ret = decode(decoder, packet, frame);
    avcodec_free_context(&decoder);
    if (ret >= 0 && FFMAX(frame->width, frame->height) > MAX_SIDE)
        return fail(r, AVERROR(EINVAL),
                    "expected sides of at most 65535 pixels: crop the picture");
    if (ret >= 0 || ret == AVERROR(ENOMEM))
        return ret;
    snprintf(reason, sizeof(reason),
             "the %s is damaged, or has more than %d million pixels",
             kind->name, MAX_PIXELS / 1000000);
    return fail(r, AVERROR_INVALIDDATA, reason);
}

/** A format without a range in its name: swscale warns of those with one. */
static enum AVPixelFormat without_range(enum AVPixelFormat format)
{
    switch (format) {
    case AV_PIX_FMT_YUVJ420P:
        return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
        return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
        return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
        return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P:
        return AV_PIX_FMT_YUV411P;
    default:
        return format;
    }
}

/**
 * Whether 0 is black and 255 white: what is grey is so unless it says
 * otherwise.
 */
static int is_full(const AVFrame *frame, const AVPixFmtDescriptor *format)
{
    return frame->color_range == AVCOL_RANGE_JPEG ||
           (format->nb_components < 3 &&
            frame->color_range != AVCOL_RANGE_MPEG) ||
           without_range(frame->format) != frame->format;
}

/** Convert the decoded frame to RGB, with the alpha that it has. */
static int convert(const AVFrame *from, AVFrame *to)
{
    const AVPixFmtDescriptor *const format = av_pix_fmt_desc_get(from->format);
    const int *const table = sws_getCoefficients(SWS_CS_DEFAULT);
    struct SwsContext *sws;
    int ret;

    to->format = format->flags & AV_PIX_FMT_FLAG_ALPHA ? AV_PIX_FMT_RGBA
                                                       : AV_PIX_FMT_RGB24;
    to->width = from->width;
    to->height = from->height;
    if ((ret = av_frame_get_buffer(to, 0)) < 0)
        return ret;
    sws = sws_getContext(from->width, from->height, without_range(from->format),
                         to->width, to->height, to->format,
                         SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT,
                         NULL, NULL, NULL);
    if (!sws)
        return AVERROR(ENOMEM);
    if (!(format->flags & AV_PIX_FMT_FLAG_RGB))
        sws_setColorspaceDetails(sws, table, is_full(from, format), table, 1, 0,
                                 1 << 16, 1 << 16);
    ret = sws_scale(sws, (const uint8_t *const *)from->data, from->linesize, 0,
                    from->height, to->data, to->linesize);
    sws_freeContext(sws);
    return FFMIN(ret, 0);
}

/** Where the pixels of a picture go when it is turned upright. */
typedef struct Turn {
    int across[2]; ///< what one column to the right is, in columns and rows
    int down[2];   ///< what one row down is
} Turn;

static Turn find_turn(const AVFrame *frame)
{
    const AVFrameSideData *const data =
        av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
    Turn turn = {{1, 0}, {0, 1}};
    int32_t m[5];

    if (!data || data->size < 9 * sizeof(int32_t))
        return turn;
    memcpy(m, data->data, sizeof(m));
    for (int i = 0; i < 5; i++)
        m[i] = m[i] > 1 << 15 ? 1 : m[i] < -(1 << 15) ? -1 : 0;
    // Anything but a turn by a right angle, or a reflection, is left alone.
    if (m[0] * m[4] - m[1] * m[3] && !(m[0] && m[1]) && !(m[0] && m[3]) &&
        !(m[4] && m[1]))
        turn = (Turn){{m[0], m[1]}, {m[3], m[4]}};
    return turn;
}

/** The bytes from one place to another, in a frame of RGB. */
static ptrdiff_t step_of(const AVFrame *frame, const int move[2])
{
    return 3 * move[0] + (ptrdiff_t)move[1] * frame->linesize[0];
}

/** Lay a picture upright on white. */
static void lay(const AVFrame *from, const Turn *turn, AVFrame *to)
{
    const int size = from->format == AV_PIX_FMT_RGBA ? 4 : 3;
    const ptrdiff_t across = step_of(to, turn->across);
    const ptrdiff_t down = step_of(to, turn->down);
    const int left = turn->across[0] + turn->down[0] < 0 ? to->width - 1 : 0;
    const int top = turn->across[1] + turn->down[1] < 0 ? to->height - 1 : 0;
    uint8_t *const first =
        to->data[0] + 3 * left + (ptrdiff_t)top * to->linesize[0];

    for (int y = 0; y < from->height; y++) {
        const uint8_t *pixel = from->data[0] + (ptrdiff_t)y * from->linesize[0];
        uint8_t *target = first + y * down;

        for (int x = 0; x < from->width; x++, pixel += size, target += across)
            for (int c = 0; c < 3; c++) {
                const int alpha = size == 4 ? pixel[3] : 255;

                target[c] =
                    (pixel[c] * alpha + 255 * (255 - alpha) + 127) / 255;
            }
    }
}

static int upright(const AVFrame *decoded, AVFrame *rgb, AVFrame *picture)
{
    const Turn turn = find_turn(decoded);
    int ret = convert(decoded, rgb);

    if (ret < 0)
        return ret;
    picture->format = AV_PIX_FMT_RGB24;
    picture->width = turn.across[0] ? rgb->width : rgb->height;
    picture->height = turn.across[0] ? rgb->height : rgb->width;
    if ((ret = av_frame_get_buffer(picture, 0)) < 0)
        return ret;
    lay(rgb, &turn, picture);
    return 0;
}

int ff_styletransfer_open_picture(void *log_ctx, const char *path,
                                  StylePicture *picture)
{
    const Reading r = {log_ctx, path};
    AVPacket *packet = av_packet_alloc();
    AVFrame *decoded = av_frame_alloc(), *rgb = av_frame_alloc();
    AVFrame *frame = av_frame_alloc();
    int ret = AVERROR(ENOMEM);

    if (packet && decoded && rgb && frame &&
        (ret = read_file(&r, packet)) >= 0 &&
        (ret = decode_kind(&r, packet, decoded)) >= 0)
        ret = upright(decoded, rgb, frame);
    if (ret == AVERROR(ENOMEM))
        fail(&r, ret, "out of memory for the picture");
    if (ret < 0)
        av_frame_free(&frame);
    else
        *picture = (StylePicture){
            .pixels = frame->data[0],
            .stride = frame->linesize[0],
            .width = frame->width,
            .height = frame->height,
            .opaque = frame,
        };
    av_packet_free(&packet);
    av_frame_free(&decoded);
    av_frame_free(&rgb);
    return ret;
}

void ff_styletransfer_close_picture(void *log_ctx, StylePicture *picture)
{
    AVFrame *frame = picture->opaque;

    av_frame_free(&frame);
}
