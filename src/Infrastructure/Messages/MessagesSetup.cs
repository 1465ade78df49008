using Bsp.Application.Common;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Queue;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Users;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Messages;

/// <summary>Messages on their way, and whatever follows from an answer.</summary>
internal static class MessagesSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<ProcessIdentity>();
        services.AddHostedService(provider => provider.GetRequiredService<ProcessIdentity>());
        services.AddSingleton(new SenderOptions(options.UnknownDeadline) { Day = options.SendingDay });
        services.AddSingleton(new SendingDay(options.SendingDay));
        services.AddSingleton<PortfolioRoom>();
        services.AddSingleton<LimitWaiters>();
        services.AddSingleton<SendLookup>();
        services.AddSingleton<SendCalls>();
        services.AddSingleton<SendingNumbers>();
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<SendingNumbers>().Memory);
        services.AddSingleton<SendSignal>();
        services.AddSingleton<SendQueues>();
        services.AddSingleton<NumberPaces>();
        services.AddSingleton<SendDispatcher>();
        services.AddSingleton<SendForwarder>();
        services.AddSingleton<Outbox>();
        services.AddSingleton<RecentMessages>();
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<RecentMessages>().Memory);
        services.AddSingleton<SendFeedback>();
        services.AddSingleton<Sender>();
        services.AddSingleton<AnsweredNumbers>();
        services.AddSingleton<AnsweredContacts>();
        services.AddSingleton<PersonsAnswers>();
        services.AddSingleton<MessageTargets>();
        services.AddSingleton<SenderNames>();
        services.AddSingleton<IUserNames, UserNames>();
        services.AddSingleton<IWamids, Wamids>();
        services.AddSingleton<ISendReferences, SendReferences>();
        services.AddSingleton(provider => new MessageQueue(
            provider.GetRequiredService<RedisConnection>(), provider.GetRequiredService<TimeProvider>(), options.QueueName,
            lockDuration: SendWorker.LockDuration));
        services.AddHostedService<SendWorker>();
        services.AddHostedService<SendSweeper>();
        services.AddHostedService<ArchiveSweep>();
    }
}
